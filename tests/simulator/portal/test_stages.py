from __future__ import annotations

import pytest

from airflow_provider_bitrix24.simulator.portal.entity_types import DEAL, LEAD, QUOTE, SMART_INVOICE
from airflow_provider_bitrix24.simulator.portal.stages import build_pipeline, default_stages, fresh_pipelines

TWO_STAGES = [("NEW", "New", None, "#39A8EF"), ("WON", "Won", "S", "#7BD500")]


@pytest.mark.parametrize(
    ("type_id", "category_id", "ids", "dictionary"),
    [
        (DEAL, 0, ["NEW", "WON"], "DEAL_STAGE"),
        (DEAL, 7, ["C7:NEW", "C7:WON"], "DEAL_STAGE_7"),
        (LEAD, 0, ["NEW", "WON"], "STATUS"),
        (QUOTE, 0, ["NEW", "WON"], "QUOTE_STATUS"),
        (SMART_INVOICE, 2, ["DT31_2:NEW", "DT31_2:WON"], "SMART_INVOICE_STAGE_2"),
        (177, 12, ["DT177_12:NEW", "DT177_12:WON"], "DYNAMIC_177_STAGE_12"),
    ],
)
def test_stage_ids_are_spelled_as_the_portal_spells_them(type_id, category_id, ids, dictionary):
    pipeline = build_pipeline(type_id, category_id, "Pipeline", TWO_STAGES)
    assert [stage.id for stage in pipeline.stages] == ids
    assert pipeline.dictionary == dictionary
    assert [pipeline.position(stage_id) for stage_id in (*ids, "NOPE")] == [0, 1, -1]
    assert pipeline.stage(ids[1]).semantics == "S"
    assert pipeline.stage("NOPE") is None


def test_a_pipeline_without_stages_is_refused():
    with pytest.raises(ValueError, match="'Empty' needs at least one stage"):
        build_pipeline(DEAL, 7, "Empty", [])


def test_a_fresh_portal_has_pipelines_with_success_and_failure():
    pipelines = fresh_pipelines()
    assert [(each.type_id, each.id) for each in pipelines] == [(2, 0), (2, 5), (1, 0), (7, 0), (31, 2), (177, 12)]
    for pipeline in pipelines:
        assert {stage.semantics for stage in pipeline.stages} == {None, "S", "F"}


def test_types_without_stages_of_their_own_get_those_of_smart_processes():
    assert default_stages(1044) == default_stages(177)
    assert default_stages(DEAL) != default_stages(177)
