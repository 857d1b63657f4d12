"""Expected stages that do not exist are found before the first fire, and what cannot be known is let pass."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.entity_ref import EntityRef
from airflow_provider_bitrix24.client.expected import MOST_PIPELINES, ExpectedStages
from airflow_provider_bitrix24.client.stages import Pipeline, Snapshot, Stage
from tests.support.firing import deal, deals

LEAD, DEAL, QUOTE, INVOICE, SPA = 1, 2, 7, 31, 177
DICTIONARIES = {
    Pipeline(LEAD, None): [Stage("NEW", "Unassigned", None), Stage("CONVERTED", "Good lead", "S")],
    Pipeline(DEAL, 0): [
        Stage("NEW", "New", None),
        Stage("PREPARATION", "Prepare documents", None),
        Stage("WON", "Deal won", "S"),
    ],
    Pipeline(DEAL, 5): [Stage("C5:NEW", "New", None), Stage("C5:WON", "Deal won", "S")],
    Pipeline(QUOTE, None): [Stage("DRAFT", "New", None), Stage("SENT", "Sent to client", None)],
    Pipeline(INVOICE, 2): [Stage("DT31_2:N", "New", None), Stage("DT31_2:P", "Paid", "S")],
    Pipeline(SPA, 12): [Stage("DT177_12:NEW", "New", None), Stage("DT177_12:CLIENT", "With the client", None)],
}
IN_5 = Snapshot("C5:NEW", 5)
IN_0 = Snapshot("NEW", 0)
IN_12 = Snapshot("DT177_12:NEW", 12)


def checked(*stages, found, types=None, unreadable=()):
    """Go through both readings of dictionaries, as a firing does."""
    expected = ExpectedStages(stages, types or {ref.type_id for ref in found})
    for seen in ({}, found):
        pipelines = expected.to_read(seen)
        expected.record({each: DICTIONARIES.get(each, []) for each in pipelines if each not in unreadable})
    return expected


def problem(*stages, found, **options):
    return checked(*stages, found=found, **options).problem()


# -- which dictionaries are read


@pytest.mark.parametrize(
    ("stages", "types", "pipelines"),
    [
        (["WON"], [DEAL], [(DEAL, 0)]),
        (["C5:WON"], [DEAL], [(DEAL, 5)]),
        (["C5:WON", "C5:NEW", "WON"], [DEAL], [(DEAL, 5), (DEAL, 0)]),
        (["DT177_12:NEW"], [SPA], [(SPA, 12)]),
        (["CONVERTED"], [LEAD, DEAL, QUOTE, SPA], [(LEAD, None), (DEAL, 0), (QUOTE, None)]),
        (["C5:WON"], [LEAD], [(DEAL, 5)]),
        (["NEW"], [SPA], []),
        (["DT31_2:P"], [INVOICE], [(INVOICE, 2)]),
    ],
)
def test_ids_and_types_name_the_dictionaries_that_are_read_with_the_first_window(stages, types, pipelines):
    assert ExpectedStages(stages, types).to_read({}) == pipelines


@pytest.mark.parametrize(
    ("stages", "found"),
    [
        (["WON"], {deal(1): IN_0}),
        (["WON"], {deal(1): IN_5}),
        (["C5:WON"], {deal(1): IN_0}),
        (["DT177_12:CLIENT"], {EntityRef(SPA, 1): IN_12}),
        (["CONVERTED"], {EntityRef(LEAD, 1): Snapshot("NEW"), deal(1): IN_5}),
    ],
)
def test_stages_that_exist_need_no_further_dictionary(stages, found):
    expected = ExpectedStages(stages, {ref.type_id for ref in found})
    expected.record({each: DICTIONARIES[each] for each in expected.to_read({})})
    assert expected.to_read(found) == []
    assert expected.problem() is None


def test_a_dictionary_that_could_not_be_read_does_not_lead_to_reading_others():
    expected = ExpectedStages(["WON"], {DEAL})
    assert expected.to_read({}) == [(DEAL, 0)]
    assert expected.to_read(dict.fromkeys(deals(1), IN_5)) == []


def test_an_id_that_no_dictionary_lists_has_those_of_the_targets_read_once():
    expected = ExpectedStages(["Won"], {DEAL})
    expected.record({each: DICTIONARIES[each] for each in expected.to_read({})})
    found = {deal(1): IN_5, deal(2): IN_5, deal(3): IN_0}
    assert expected.to_read(found) == [(DEAL, 5)]
    assert expected.to_read(found) == []


def test_only_so_many_dictionaries_are_read():
    stages = [f"C{number}:NEW" for number in range(1, 40)]
    expected = ExpectedStages(stages, {DEAL})
    assert len(expected.to_read({})) == MOST_PIPELINES
    assert expected.to_read({deal(1): IN_5}) == []


# -- what is refused


@pytest.mark.parametrize(
    ("stage", "found", "said", "meant"),
    [
        ("won", {deal(1): IN_0}, "DEAL pipeline 0", "WON (Deal won)"),
        ("Prepare documents", {deal(1): IN_0}, "DEAL pipeline 0", "PREPARATION (Prepare documents)"),
        ("PREPARATIN", {deal(1): IN_0}, "DEAL pipeline 0", "PREPARATION (Prepare documents)"),
        ("C0:WON", {deal(1): IN_0}, "DEAL pipeline 0", "WON (Deal won)"),
        ("c5:WON", {deal(1): IN_5}, "DEAL pipeline 5", "C5:WON (Deal won)"),
        ("C5:won", {deal(1): IN_5}, "DEAL pipeline 5", "C5:WON (Deal won)"),
        ("C05:WON", {deal(1): IN_5}, "DEAL pipeline 5", "C5:WON (Deal won)"),
        ("Deal won", {deal(1): IN_5}, "DEAL pipeline 5", "C5:WON (Deal won)"),
        ("CLIENT", {EntityRef(SPA, 1): IN_12}, "DYNAMIC_177 pipeline 12", "DT177_12:CLIENT (With the client)"),
        ("Good lead", {EntityRef(LEAD, 1): Snapshot("NEW")}, "LEAD", "CONVERTED (Good lead)"),
        ("Sent to client", {EntityRef(QUOTE, 1): Snapshot("DRAFT"), deal(1): IN_0}, "QUOTE", "SENT (Sent to client)"),
    ],
)
def test_a_stage_that_does_not_exist_is_refused_with_the_nearest_one(stage, found, said, meant):
    error = problem(stage, found=found)
    assert error.message == f"expected_stage {stage!r} is not a stage of {said}."
    assert f"Did you mean {meant}? Its stages are " in error.hint


def test_where_nothing_is_near_only_the_stages_there_are_are_named():
    error = problem("XYZ", found={EntityRef(QUOTE, 1): Snapshot("DRAFT")})
    assert error.hint == "Its stages are DRAFT (New), SENT (Sent to client)."


def test_of_many_stages_a_dozen_is_named():
    expected = ExpectedStages(["C5:X"], {DEAL})
    expected.to_read({})
    expected.record({Pipeline(DEAL, 5): [Stage(f"C5:UC_{number}", f"Step {number}", None) for number in range(20)]})
    assert expected.problem().hint.endswith("C5:UC_11 (Step 11) and 8 more.")


def test_one_wrong_stage_among_right_ones_is_refused():
    assert "'LOOSE'" in problem("WON", "LOOSE", found={deal(1): IN_0}).message


def test_a_stage_of_any_of_the_targets_types_exists():
    found = {EntityRef(LEAD, 1): Snapshot("NEW"), deal(1): IN_0, EntityRef(QUOTE, 1): Snapshot("DRAFT")}
    assert problem("CONVERTED", "PREPARATION", "SENT", found=found) is None


# -- what is let pass


@pytest.mark.parametrize(
    ("stage", "found", "unreadable"),
    [
        ("Won", {deal(1): IN_0}, {Pipeline(DEAL, 0)}),
        ("C9:WON", {deal(1): IN_0}, ()),  # an empty dictionary
        ("CLIENT", {EntityRef(SPA, 1): IN_12}, {Pipeline(SPA, 12)}),
        ("Good lead", {EntityRef(LEAD, 1): Snapshot("NEW"), deal(1): IN_0}, {Pipeline(LEAD, None)}),
    ],
)
def test_where_a_dictionary_is_empty_or_cannot_be_read_nothing_is_refused(stage, found, unreadable):
    expected = checked(stage, found=found, unreadable=unreadable)
    assert expected.problem() is None
    assert expected.unread


def test_of_a_pipeline_that_could_not_be_read_nothing_is_said():
    found = {EntityRef(SPA, 1): IN_12}
    assert list(checked("CLIENT", found=found, unreadable={Pipeline(SPA, 12)}).warnings(found)) == []


def test_a_stage_of_another_pipeline_than_the_targets_is_only_warned_of_once():
    expected = checked("C5:WON", found={deal(1): IN_0})
    assert expected.problem() is None
    found = {deal(1): IN_0, deal(2): IN_0, deal(3): IN_5, EntityRef(LEAD, 1): Snapshot("NEW")}
    deals_line, lead_line = expected.warnings(found)
    assert deals_line == (
        "2 targets such as DEAL_1: C5:WON is a stage of DEAL pipeline 5, not of DEAL pipeline 0. "
        "Check expected_stage: only a robot or trigger that changes the pipeline leads there."
    )
    assert lead_line == (
        "LEAD_1: C5:WON is a stage of DEAL pipeline 5, not of LEAD. "
        "Check expected_stage: an entity never reaches a stage of another type."
    )
    assert list(expected.warnings(found)) == []


@pytest.mark.parametrize(
    ("stage", "ref", "seen", "warned"),
    [
        ("WON", deal(1), IN_0, False),
        ("WON", deal(1), IN_5, True),
        ("WON", deal(1), Snapshot("NEW", None), False),
        ("DT177_12:NEW", EntityRef(SPA, 1), IN_12, False),
        ("DT177_12:NEW", EntityRef(SPA, 1), Snapshot("DT177_13:NEW", 13), True),
        ("DT177_12:NEW", EntityRef(31, 1), Snapshot("DT31_2:N", 2), True),
        ("SENT", EntityRef(QUOTE, 1), Snapshot("DRAFT"), False),
        ("SENT", deal(1), IN_0, True),
    ],
)
def test_only_targets_of_a_pipeline_without_an_expected_stage_are_warned_of(stage, ref, seen, warned):
    types = {ref.type_id, QUOTE} if stage == "SENT" else {ref.type_id}
    assert bool(list(checked(stage, found={ref: seen}, types=types).warnings({ref: seen}))) is warned


@pytest.mark.parametrize(
    ("fail_on", "found", "warned"),
    [
        ({"LOSE"}, {deal(1): IN_5}, True),
        ({"LOSE"}, {deal(1): IN_0}, False),
        ({"LOSE"}, {deal(1): IN_5, deal(2): IN_0}, False),
        ({"C5:LOSE"}, {deal(1): IN_5}, False),
    ],
)
def test_a_fail_on_of_other_pipelines_than_the_targets_is_warned_of_once(fail_on, found, warned):
    expected = ExpectedStages((), {DEAL}, fail_on=fail_on)

    said = [*expected.warnings(found), *expected.warnings(found)]

    assert [line.startswith(f"fail_on ({', '.join(fail_on)}) has no stage") for line in said] == [True] * warned
