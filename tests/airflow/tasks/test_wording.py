from __future__ import annotations

import pytest

from airflow_provider_bitrix24._tasks.wording import SHOWN, counted, listed, standing

NUMBERS = [str(number) for number in range(1, SHOWN + 3)]


@pytest.mark.parametrize(("targets", "text"), [(["DEAL_57"], "DEAL_57"), (["DEAL_57", "DEAL_58"], "2 entities")])
def test_one_entity_is_named_and_several_are_counted(targets, text):
    assert counted(targets) == text


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
    assert standing({"DEAL_57": "NEW", "DEAL_58": None}) == "DEAL_57 stands at NEW, DEAL_58 stands at None"
