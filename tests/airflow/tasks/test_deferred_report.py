from __future__ import annotations

import json

import pytest

from airflow_provider_bitrix24._tasks.deferred_report import dump_report, load_report
from airflow_provider_bitrix24.client.report import TargetError, TargetResult, TriggerReport


def test_a_report_is_dumped_and_loaded_completely():
    error = TargetError("NOT_FOUND", "It ünder lies", "no", permanent=True)
    results = [
        TargetResult(target="DEAL_1", outcome="failed", error=error),
        TargetResult(target="DEAL_2", outcome="unmoved", stage_before="NEW", stage_after="NEW", reason="why"),
        TargetResult(target="DEAL_3", outcome="failed", error=TargetError("X", "no", "no", False, "operating")),
    ]
    report = TriggerReport(code="c", portal="https://example.com", results=results)

    dumped = json.loads(json.dumps(dump_report(report)))

    assert load_report(dumped) == report


def test_a_dumped_report_is_small():
    results = [
        TargetResult(target=f"DEAL_{number}", outcome="moved", stage_before="NEW", stage_after="C5:PREPARATION")
        for number in range(10_000)
    ]

    assert len(json.dumps(dump_report(TriggerReport(code="c", portal="p", results=results)))) < 100_000


@pytest.mark.parametrize("dumped", [None, {}, [], {"form": 1}, {"form": 1, "code": None, "portal": "", "results": "x"}])
def test_other_values_are_not_loaded(dumped):
    assert load_report(dumped) is None
