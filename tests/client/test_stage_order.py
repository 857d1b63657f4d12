"""Which stages come later in a pipeline, and at which one it ends."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.stage_order import StageOrder
from airflow_provider_bitrix24.client.stages import Pipeline, Stage

DEALS, SALES, LEADS = Pipeline(2, 0), Pipeline(2, 5), Pipeline(1, None)
PIPELINES = {
    DEALS: [
        Stage("NEW", "New", None),
        Stage("PREPARATION", "Prepare documents", None),
        Stage("WON", "Deal won", "S"),
        Stage("LOSE", "Deal lost", "F"),
        Stage("APOLOGY", "Analyze failure", "F"),
    ],
    SALES: [Stage("C5:NEW", "New", None), Stage("C5:WON", "Deal won", "S"), Stage("C5:LOSE", "Deal lost", "F")],
}


@pytest.fixture
def order():
    order = StageOrder()
    order.record(PIPELINES)
    return order


@pytest.mark.parametrize(
    ("stages", "found"),
    [
        ({"PREPARATION"}, {"PREPARATION", "WON"}),
        ({"WON"}, {"WON"}),
        ({"LOSE"}, {"LOSE"}),
        ({"WON", "PREPARATION"}, {"PREPARATION", "WON"}),
        ({"WON", "C5:NEW"}, {"WON", "C5:NEW", "C5:WON"}),
        ({"C9:NEW"}, {"C9:NEW"}),
        (set(), set()),
    ],
)
def test_later_stages_are_those_of_the_same_pipeline_that_are_no_failure(order, stages, found):
    assert order.with_later(stages) == found


@pytest.mark.parametrize(
    ("pipeline", "stage", "final"),
    [
        (DEALS, "WON", True),
        (DEALS, "APOLOGY", True),
        (DEALS, "PREPARATION", False),
        (DEALS, "C5:WON", False),
        (DEALS, None, False),
        (LEADS, "CONVERTED", False),
    ],
)
def test_a_pipeline_ends_with_success_or_failure(order, pipeline, stage, final):
    assert order.is_final(pipeline, stage) is final


@pytest.mark.parametrize(
    ("pipeline", "stage", "others", "place"),
    [
        (DEALS, "NEW", {"PREPARATION"}, "before"),
        (DEALS, "WON", {"PREPARATION"}, "past"),
        (DEALS, "PREPARATION", {"NEW", "WON"}, "past"),
        (SALES, "C5:NEW", {"PREPARATION"}, "aside"),
        (DEALS, "UC_NEW", {"PREPARATION"}, None),
        (LEADS, "NEW", {"PREPARATION"}, None),
    ],
)
def test_a_stage_lies_before_or_past_others_or_aside(order, pipeline, stage, others, place):
    assert order.place(pipeline, stage, of=others) == place


def test_an_empty_list_of_stages_says_nothing(order):
    order.record({DEALS: []})

    assert order.is_final(DEALS, "WON")
