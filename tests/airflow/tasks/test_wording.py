"""How messages name entities: one, several, and very many."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24._tasks.wording import NOUNS, SHOWN, counted, listed, noun, opening_line, spans, standing
from airflow_provider_bitrix24.client.entity_types import TYPE_IDS

NUMBERS = [str(number) for number in range(1, SHOWN + 3)]


def test_every_type_of_entity_has_a_word_of_its_own():
    assert NOUNS.keys() == TYPE_IDS.keys()


@pytest.mark.parametrize(("targets", "text"), [(["DEAL_57"], "DEAL_57"), (["DEAL_57", "DEAL_58"], "2 deals")])
def test_one_entity_is_named_and_several_are_counted(targets, text):
    assert counted(targets) == text


@pytest.mark.parametrize(
    ("code", "targets", "reads", "line"),
    [
        ("c5u4m", ["DEAL_57"], True, "Reading DEAL_57, then firing trigger 'c5u4m'."),
        (None, ["LEAD_1", "DEAL_2"], True, "Reading 2 entities, then firing the trigger."),
        ("c5u4m", ["LEAD_1", "LEAD_2"], False, "Firing trigger 'c5u4m' for 2 leads, without reading."),
    ],
)
def test_a_firing_that_reads_first_does_not_begin_with_a_fire(code, targets, reads, line):
    assert opening_line(code, targets, reads=reads) == line


@pytest.mark.parametrize(
    ("texts", "text"),
    [
        ([], ""),
        (["a"], "a"),
        (NUMBERS[:SHOWN], ", ".join(NUMBERS[:SHOWN])),
        (NUMBERS, f"{', '.join(NUMBERS[:SHOWN])}, and 2 more"),
    ],
)
def test_a_long_list_names_the_first_and_counts_the_rest(texts, text):
    assert listed(texts) == text


def test_a_list_may_have_another_separator():
    assert listed(NUMBERS, "; ").endswith("; and 2 more")


def test_where_entities_stand():
    stages = {"DEAL_57": "NEW", "DEAL_58": "NEW", "DEAL_60": None}

    hidden = "a stage that Bitrix24 does not show"
    assert standing(stages) == f"DEAL_57, DEAL_58 stand at NEW, DEAL_60 stands at {hidden}"


@pytest.mark.parametrize(
    ("targets", "found"),
    [
        ([], []),
        (["DEAL_7"], ["DEAL_7"]),
        (["DEAL_8", "DEAL_7"], ["DEAL_7", "DEAL_8"]),
        (["DEAL_9", "DEAL_7", "DEAL_8", "DEAL_11"], ["DEAL_7 to DEAL_9", "DEAL_11"]),
        (["LEAD_8", "DEAL_7", "DEAL_9", "DEAL_8"], ["DEAL_7 to DEAL_9", "LEAD_8"]),
        (["DYNAMIC_177_1", "DYNAMIC_177_2", "DYNAMIC_178_3"], ["DYNAMIC_177_1", "DYNAMIC_177_2", "DYNAMIC_178_3"]),
    ],
)
def test_runs_of_numbers_are_collapsed(targets, found):
    assert spans(targets) == found


@pytest.mark.parametrize(
    ("targets", "word"),
    [
        (["DEAL_1"], "deal"),
        (["DEAL_1", "DEAL_2"], "deals"),
        (["COMPANY_1", "COMPANY_2"], "companies"),
        (["SMART_INVOICE_1", "SMART_INVOICE_2"], "invoices"),
        (["DYNAMIC_177_1", "DYNAMIC_178_1"], "items"),
        (["DEAL_1", "LEAD_1"], "entities"),
    ],
)
def test_entities_are_called_by_their_type(targets, word):
    assert noun(targets) == word
