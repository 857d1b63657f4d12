"""A report put aside while its task is deferred: whole and small, as an XCom holds it. Pure.

The report that people read leaves out, in long lists, those that moved. A task that is woken needs all of them, and
of errors also whether they are permanent, to end as it would have ended without being deferred. XComs are what all
Airflows keep through a deferral.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_bitrix24.client.packing import pack_json, unpack_json
from airflow_provider_bitrix24.client.report import TargetError, TargetResult, TriggerReport

DEFERRED_REPORT_KEY = "bitrix24_parked_report"
"""XCom key under which a deferred task keeps its report."""
_FORM = 1


def dump_report(report: TriggerReport) -> dict[str, Any]:
    """Return everything in a report as JSON; about ten bytes per target."""
    rows = [
        [each.target, each.outcome, each.stage_before, each.stage_after, _parked_error(each.error), each.reason]
        for each in report.results
    ]
    packed = pack_json(rows)
    return {"form": _FORM, "code": report.code, "portal": report.portal, "results": packed}


def load_report(parked: object) -> TriggerReport | None:
    """Return what :func:`dump_report` was given, or ``None`` if it was something else."""
    if not isinstance(parked, Mapping) or parked.get("form") != _FORM:
        return None
    try:
        rows = unpack_json(parked["results"])
        results = [_result(*row) for row in rows]
        return TriggerReport(code=parked["code"], portal=parked["portal"], results=results)
    except (KeyError, TypeError, ValueError):
        return None


def _parked_error(error: TargetError | None) -> list[Any] | None:
    return None if error is None else [error.code, error.message, error.executed, error.permanent]


def _result(
    target: str, outcome: Any, before: str | None, after: str | None, error: list[Any] | None, reason: str | None
) -> TargetResult:
    return TargetResult(
        target=target,
        outcome=outcome,
        stage_before=before,
        stage_after=after,
        error=None if error is None else TargetError(*error),
        reason=reason,
    )
