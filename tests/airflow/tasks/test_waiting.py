from __future__ import annotations

import pytest

from airflow_provider_bitrix24._tasks.waiting import StageWait, check_stages, next_check, update
from airflow_provider_bitrix24.client.entity_ref import EntityRef
from airflow_provider_bitrix24.client.expected import ExpectedStages
from airflow_provider_bitrix24.client.report import MISSING, TargetResult, TriggerReport
from airflow_provider_bitrix24.client.stages import StageInfo


def _at(**stages):
    return {
        target: StageInfo(target=target, stage=stage, category_id=0, moved_time=None)
        for target, stage in stages.items()
    }


def test_targets_are_sorted_by_where_they_stand():
    stages = _at(DEAL_1="WON", DEAL_2="NEW", DEAL_3="LOSE", DEAL_9="WON")

    found = check_stages(["DEAL_1", "DEAL_2", "DEAL_3", "DEAL_4"], stages, {"WON", "LOSE"})

    assert found.arrived == {"DEAL_1": "WON", "DEAL_3": "LOSE"}
    assert found.waiting == {"DEAL_2": "NEW"}
    assert found.missing == ("DEAL_4",)


def test_an_entity_without_a_stage_has_not_arrived():
    assert check_stages(["DEAL_1"], _at(DEAL_1=None), {"WON"}).waiting == {"DEAL_1": None}


def test_a_report_is_updated_by_a_check():
    results = [
        TargetResult(target="DEAL_1", outcome="unmoved", stage_before="NEW", stage_after="NEW", reason="x"),
        TargetResult(target="DEAL_2", outcome="unmoved", stage_before="NEW", stage_after="NEW"),
        TargetResult(target="DEAL_3", outcome="unmoved", stage_before="NEW", stage_after="NEW"),
        TargetResult(target="DEAL_4", outcome="already", stage_before="WON", stage_after="WON"),
    ]
    report = TriggerReport(code="c", portal="https://example.com", results=results)

    after = update(report, check_stages(["DEAL_1", "DEAL_2", "DEAL_3"], _at(DEAL_1="WON", DEAL_2="EXECUTING"), {"WON"}))

    assert [each.outcome for each in after.results] == ["moved", "elsewhere", "unmoved", "already"]
    assert [each.stage_after for each in after.results] == ["WON", "EXECUTING", None, "WON"]
    assert [each.reason for each in after.results] == [None, None, MISSING, None]
    assert (report.moved, report.unmoved) == (0, 3)


@pytest.mark.parametrize(
    ("now", "expected"),
    [(0, 60), (30, 60), (50, 50), (99.5, 0.5), (100, None), (160, None)],
)
def test_the_last_check_is_at_the_deadline(now, expected):
    assert next_check(now=now, deadline=100, interval=60) == expected


@pytest.mark.parametrize("require", ["each", "all", "any"])
def test_an_entity_of_which_one_answer_cannot_be_read_is_checked_again(require):
    targets = ["DEAL_1", "DEAL_2"]
    stages = ExpectedStages.for_wait(targets, {"WON"}, or_later=False, fail_on=())
    wait = StageWait(targets=targets, stages=stages, require=require)

    stages.unreadable = {EntityRef.parse("DEAL_2")}
    wait.observe(_at(DEAL_1="WON" if require != "any" else "NEW"))

    assert not wait.finished
    assert wait.check.missing == ()
    assert "DEAL_2" in wait.targets

    stages.unreadable = ()
    wait.observe(_at(DEAL_1="WON", DEAL_2="WON"))

    assert wait.done
    assert wait.check.arrived == {"DEAL_1": "WON", "DEAL_2": "WON"}
