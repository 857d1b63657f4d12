"""The log lines of a report: the outcome of every target. Pure: yields levels and texts.

A few targets get a line each. Many are grouped, those with the same outcome on one line, so that the log names every
target and stays readable.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.report import UNMOVED_CAUSES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider_bitrix24.client.report import TargetResult

LINES = 50
"""Up to this many targets have a line each."""
PER_LINE = 50
"""How many targets share a line if there are more."""


def report_lines(results: Sequence[TargetResult], *, quiet_unmoved: bool = False) -> Iterator[tuple[int, str]]:
    """Yield (logging level, text) for every target, and the causes of ``unmoved`` once.

    :param quiet_unmoved: whether the user ignores unmoved targets.
    """
    groups: dict[tuple[int, str], list[str]] = {}
    for result in results:
        quiet = result.outcome in ("moved", "already") or (quiet_unmoved and result.outcome in ("unmoved", "elsewhere"))
        level = logging.INFO if quiet else logging.WARNING
        groups.setdefault((level, _described(result)), []).append(result.target)
    for (level, description), targets in groups.items():
        # Unverified targets share one warning, however few they are.
        size = 1 if len(results) <= LINES and not description.startswith("unverified") else PER_LINE
        for start in range(0, len(targets), size):
            yield level, f"{' '.join(targets[start : start + size])} {description}"
    if not quiet_unmoved and any(result.outcome == "unmoved" for result in results):
        yield logging.WARNING, UNMOVED_CAUSES


def _described(result: TargetResult) -> str:
    match result.outcome:
        case "moved":
            return f"moved: {result.stage_before} -> {result.stage_after}"
        case "already":
            return f"already at {result.stage_after or result.stage_before}: not fired"
        case "elsewhere":
            return _with_reason(
                f"elsewhere: {result.stage_before} -> {result.stage_after}, which is not expected", result
            )
        case "unmoved":
            return _with_reason(f"unmoved: stands at {result.stage_after}", result)
        case "unverified":
            return _with_reason("unverified: accepted", result)
        case "would_fire":
            return f"would be fired from {result.stage_before}"
        case "failed":
            acted = f" (executed: {result.error.executed})" if result.error else ""
            return f"failed: {result.error.message if result.error else 'no reason given'}{acted}"


def _with_reason(description: str, result: TargetResult) -> str:
    return f"{description}. {result.reason}" if result.reason else description
