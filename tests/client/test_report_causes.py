"""Why entities did not move: of the likely causes, those that the other readings do not exclude."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.report import (
    CAUSES,
    CONDITIONS,
    NO_CODE,
    NO_WAY_BACK,
    NOT_ADMINISTRATOR,
    OTHER_PIPELINE,
    WRONG_CODE,
    TargetResult,
    TriggerReport,
    remaining_causes,
)


def result(target, outcome="unmoved", before="NEW", place=None):
    return TargetResult(target=target, outcome=outcome, stage_before=before, stage_after=before, place=place)


def causes(*results, code="c"):
    report = TriggerReport(code=code, portal="https://example.bitrix24.com", results=list(results))
    return remaining_causes([each for each in results if each.outcome == "unmoved"], report)


@pytest.mark.parametrize(
    ("target", "before", "pipeline"),
    [
        ("DEAL_57", "C5:NEW", ("DEAL", "C5")),
        ("DEAL_57", "NEW", ("DEAL", "")),
        ("DEAL_57", None, ("DEAL", "")),
        ("DYNAMIC_177_5", "DT177_3:NEW", ("DYNAMIC_177", "DT177_3")),
    ],
)
def test_a_pipeline_is_named_by_its_type_and_the_prefix_of_its_stages(target, before, pipeline):
    assert result(target, before=before).pipeline == pipeline


def test_where_nothing_moved_in_a_second_pipeline_every_cause_is_likely():
    assert causes(result("DEAL_1", before="C5:NEW")) == list(CAUSES)


def test_nobody_needs_to_be_an_administrator_for_a_first_pipeline():
    assert causes(result("DEAL_1")) == [WRONG_CODE, OTHER_PIPELINE, NO_WAY_BACK, CONDITIONS]


def test_without_a_code_the_missing_code_is_the_first_cause():
    assert causes(result("DEAL_1"), code=None) == [NO_CODE, OTHER_PIPELINE, NO_WAY_BACK, CONDITIONS]


@pytest.mark.parametrize("outcome", ["moved", "elsewhere"])
def test_what_moved_from_the_same_stage_leaves_only_the_conditions(outcome):
    assert causes(result("DEAL_1"), result("DEAL_2", outcome)) == [CONDITIONS]


def test_what_moved_from_another_stage_of_the_pipeline_shows_that_code_and_trigger_are_there():
    assert causes(result("DEAL_1"), result("DEAL_2", "moved", "WON")) == [NO_WAY_BACK, CONDITIONS]


def test_what_moved_in_another_pipeline_shows_that_the_code_is_right():
    elsewhere = result("DEAL_2", "moved", "C7:NEW")
    assert causes(result("DEAL_1", before="C5:NEW"), elsewhere) == [
        OTHER_PIPELINE,
        NO_WAY_BACK,
        CONDITIONS,
        NOT_ADMINISTRATOR,
    ]


@pytest.mark.parametrize("outcome", ["already", "unverified", "failed"])
def test_what_was_not_seen_to_move_excludes_nothing(outcome):
    assert WRONG_CODE in causes(result("DEAL_1"), result("DEAL_2", outcome))


@pytest.mark.parametrize("place", ["past", "final"])
def test_an_entity_past_the_stage_explains_itself_and_the_next_one_is_looked_at_all_the_same(place):
    assert causes(result("DEAL_1", place=place)) == [NO_WAY_BACK]
    assert causes(result("DEAL_1", place=place), result("DEAL_2", place="before")) == [
        WRONG_CODE,
        OTHER_PIPELINE,
        NO_WAY_BACK,
        CONDITIONS,
    ]


@pytest.mark.parametrize("place", ["before", "aside"])
def test_an_entity_that_is_known_not_to_be_past_the_stage_is_not_held_back_by_it(place):
    assert causes(result("DEAL_1", place=place)) == [WRONG_CODE, OTHER_PIPELINE, CONDITIONS]


def test_only_a_preview_counts_what_would_be_fired():
    results = [result("DEAL_1", "would_fire")] * 1001
    preview = TriggerReport(code="c", portal="p", results=results, preview=True)
    assert preview.would_fire == 1001
    assert preview.as_dict()["would_fire"] == 1001
    assert preview.as_dict()["results"] == []
    assert "would_fire" not in TriggerReport(code="c", portal="p", results=[]).as_dict()
