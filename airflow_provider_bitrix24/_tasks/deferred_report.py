"""The report that a deferred task stores in XCom: complete and small. Pure.

A long report that people read leaves out the entities that moved. A resumed task needs every result, and also whether
each error is permanent, to end as it would have ended without deferral. Every supported Airflow keeps XComs through
a deferral.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from airflow_provider_bitrix24.client import values
from airflow_provider_bitrix24.client.entity_ref import EntityRef, parse_text
from airflow_provider_bitrix24.client.errors import Executed, Limit
from airflow_provider_bitrix24.client.packing import pack_json, unpack_json
from airflow_provider_bitrix24.client.report import OUTCOMES, Place, TargetError, TargetResult, TriggerReport

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
        code, portal = _maybe_text(dumped["code"]), values.message(_text(dumped["portal"]))
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    return TriggerReport(code=code, portal=portal, results=results)


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
    target: object,
    outcome: object,
    before: object,
    after: object,
    error: list[Any] | None,
    reason: object,
    place: object = None,
) -> TargetResult:
    if not isinstance(parse_text(target), EntityRef):
        raise TypeError("not a target")
    return TargetResult(
        target=_text(target),
        outcome=_one_of(outcome, OUTCOMES),
        stage_before=_maybe_stage(before),
        stage_after=_maybe_stage(after),
        error=None if error is None else _load_error(*error),
        reason=None if reason is None else values.message(_text(reason)),
        place=None if place is None else _one_of(place, get_args(Place)),
    )


def _load_error(
    code: object, message: object, executed: object, permanent: object, limit: object = None
) -> TargetError:
    if not isinstance(permanent, bool):
        raise TypeError("not a truth value")
    return TargetError(
        values.message(_text(code)),
        values.message(_text(message)),
        _one_of(executed, get_args(Executed)),
        permanent,
        None if limit is None else _one_of(limit, get_args(Limit)),
    )


def _one_of(value: object, known: tuple[Any, ...]) -> Any:
    if value not in known:
        raise ValueError("not a known word")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _maybe_stage(value: object) -> str | None:
    if value is not None and values.text(_text(value)) is None:
        raise ValueError("not a stage")
    return _maybe_text(value)


def _maybe_text(value: object) -> str | None:
    return None if value is None else _text(value)
