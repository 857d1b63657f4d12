"""The report that a deferred task stores in XCom: complete and small. Pure.

A long report that people read leaves out the entities that moved. A resumed task needs every result, and also whether
each error is permanent, to end as it would have ended without deferral. Every supported Airflow keeps XComs through
a deferral.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_bitrix24.client.packing import pack_json, unpack_json
from airflow_provider_bitrix24.client.report import TargetError, TargetResult, TriggerReport

DEFERRED_REPORT_KEY = "bitrix24_parked_report"
"""XCom key of the report. Tasks of earlier versions that are deferred now have theirs here, so it stays as it is."""
_FORM = 1


def dump_report(report: TriggerReport) -> dict[str, Any]:
    """Return everything in a report as JSON; about ten bytes per target."""
    packed = pack_json([_dump_result(each) for each in report.results])
    return {"form": _FORM, "code": report.code, "portal": report.portal, "results": packed}


def load_report(dumped: object) -> TriggerReport | None:
    """Return the report that :func:`dump_report` was given, or ``None`` if this is not one."""
    if not isinstance(dumped, Mapping) or dumped.get("form") != _FORM:
        return None
    try:
        rows = unpack_json(dumped["results"])
        results = [_load_result(*row) for row in rows]
        return TriggerReport(code=dumped["code"], portal=dumped["portal"], results=results)
    except (KeyError, TypeError, ValueError):
        return None


def _dump_result(result: TargetResult) -> list[Any]:
    place = [] if result.place is None else [result.place]
    error = _dump_error(result.error)
    return [result.target, result.outcome, result.stage_before, result.stage_after, error, result.reason, *place]


def _dump_error(error: TargetError | None) -> list[Any] | None:
    if error is None:
        return None
    limit = [] if error.limit is None else [error.limit]
    return [error.code, error.message, error.executed, error.permanent, *limit]


def _load_result(
    target: str,
    outcome: Any,
    before: str | None,
    after: str | None,
    error: list[Any] | None,
    reason: str | None,
    place: Any = None,
) -> TargetResult:
    return TargetResult(
        target=target,
        outcome=outcome,
        stage_before=before,
        stage_after=after,
        error=None if error is None else TargetError(*error),
        reason=reason,
        place=place,
    )
