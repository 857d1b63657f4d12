"""The report: outcomes counted, plain JSON, and short where it would be long."""

from __future__ import annotations

import json

from airflow_provider_bitrix24.client.errors import InvalidRequestError, OutcomeUnknown
from airflow_provider_bitrix24.client.report import TargetError, TargetResult, TriggerReport


def report(*outcomes):
    results = [TargetResult(target=f"DEAL_{number}", outcome=outcome) for number, outcome in enumerate(outcomes, 1)]
    return TriggerReport(code="c", portal="https://example.bitrix24.com", results=results)


def test_a_report_counts_each_outcome_and_is_plain_json():
    result = report("moved", "moved", "already", "elsewhere", "unmoved", "unverified", "failed", "failed", "failed")
    assert (result.moved, result.already, result.elsewhere) == (2, 1, 1)
    assert (result.unmoved, result.unverified, result.failed) == (1, 1, 3)
    shown = result.as_dict()
    counts = ["moved", "already", "elsewhere", "unmoved", "unverified", "failed"]
    assert list(shown) == ["code", "portal", *counts, "results"]
    assert [shown[each] for each in counts] == [2, 1, 1, 1, 1, 3]
    assert json.loads(json.dumps(shown)) == shown
    assert len(shown["results"]) == 9
    assert report().as_dict()["moved"] == 0


def test_a_long_report_lists_only_what_needs_attention():
    assert len(report(*["moved"] * 1000).as_dict()["results"]) == 1000
    long = report(*["moved"] * 999, "already", "unmoved", "failed", "unverified", "elsewhere")
    shown = long.as_dict()
    assert shown["moved"] == 999
    assert [each["outcome"] for each in shown["results"]] == ["unmoved", "failed", "unverified", "elsewhere"]
    assert len(long.results) == 1004


def test_error_and_reason_are_shown_only_where_there_is_one():
    error = InvalidRequestError(code="", description="Why.", method="m", status=400, hint="Do this.")
    result = TargetResult(
        target="DEAL_1", outcome="failed", error=TargetError.from_error(error), reason="because", stage_before="NEW"
    )
    assert result.as_dict() == {
        "target": "DEAL_1",
        "outcome": "failed",
        "stage_before": "NEW",
        "stage_after": None,
        "error": {"code": "", "message": "m: Why. (HTTP 400). Do this.", "executed": "no"},
        "reason": "because",
    }
    assert TargetError.from_error(OutcomeUnknown("lost")) == TargetError("OutcomeUnknown", "lost", "unknown", False)
    assert TargetError.from_error(error, "unknown").executed == "unknown"


def test_an_error_is_permanent_unless_it_is_said_to_pass():
    assert TargetError("NOT_FOUND", "Gone.", "no").permanent
    assert not TargetError.from_error(OutcomeUnknown("lost")).permanent
