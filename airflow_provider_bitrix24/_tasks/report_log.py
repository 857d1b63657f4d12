"""Lines that tell in a task's log what became of every target. Pure: yields levels and texts.

Few targets get a line each. Many are put together, those that fared alike on one line, so that every one is
named and the log can still be read.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.report import UNMOVED_CAUSES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider_bitrix24.client.report import TargetResult

LINES = 50
"""Up to this many targets, each has a line of its own."""
PER_LINE = 50
"""How many targets share a line otherwise."""


def report_lines(results: Sequence[TargetResult], *, quiet_unmoved: bool = False) -> Iterator[tuple[int, str]]:
    """Yield (logging level, text) for every target, and the causes of ``unmoved`` once.

    :param quiet_unmoved: whether the user has said that unmoved targets do not matter.
    """
    groups: dict[tuple[int, str], list[str]] = {}
    for result in results:
        quiet = result.outcome in ("moved", "already") or (quiet_unmoved and result.outcome == "unmoved")
        level = logging.INFO if quiet else logging.WARNING
        groups.setdefault((level, _fate(result)), []).append(result.target)
    # What nobody looked at is one warning, however many they are.
    for (level, fate), targets in groups.items():
        size = 1 if len(results) <= LINES and not fate.startswith("unverified") else PER_LINE
        for start in range(0, len(targets), size):
            yield level, f"{' '.join(targets[start : start + size])} {fate}"
    if not quiet_unmoved and any(result.outcome == "unmoved" for result in results):
        yield logging.WARNING, UNMOVED_CAUSES


def _fate(result: TargetResult) -> str:
    match result.outcome:
        case "moved":
            return f"moved: {result.stage_before} -> {result.stage_after}"
        case "already":
            return f"already at {result.stage_after or result.stage_before}: not fired"
        case "unmoved" if result.stage_before != result.stage_after:
            return _because(f"unmoved: {result.stage_before} -> {result.stage_after}, which is not expected", result)
        case "unmoved":
            return _because(f"unmoved: stands at {result.stage_after}", result)
        case "unverified":
            return _because("unverified: accepted", result)
        case "failed":
            acted = f" (executed: {result.error.executed})" if result.error else ""
            return f"failed: {result.error.message if result.error else 'no reason given'}{acted}"


def _because(fate: str, result: TargetResult) -> str:
    return f"{fate}. {result.reason}" if result.reason else fate
