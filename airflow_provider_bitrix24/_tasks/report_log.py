"""The log lines of a report: what became of how many, then which ones. Pure: yields levels and texts.

Entities with the same outcome share a line that begins with the outcome; runs of numbers are collapsed. However long
the list, an outcome has a bounded number of lines at a level that people read; the others are at DEBUG.
"""

from __future__ import annotations

import logging
import textwrap
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24._tasks.wording import noun, of_several, shown, spans
from airflow_provider_bitrix24.client.report import OUTCOMES, SHORT_REPORT, remaining_causes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from airflow_provider_bitrix24.client.report import Outcome, Place, TargetResult, TriggerReport

WIDTH = 100
"""Characters of a line, as many as Airflow's view of a log shows without scrolling in a window of 1,400 pixels."""
INDENT = "    "
"""Of lines that continue the one before."""
FEW = 5
"""Up to this many entities with the same outcome have a line each."""
LINES = 20
"""How many lines one outcome has above DEBUG."""
QUIET = ("moved", "already")
"""Outcomes that need nobody's attention."""


class ReportLog:
    """Writes results to a task's log as they become known, each once.

    :param log: the task's logger.
    :param quiet_unmoved: whether the user ignores unmoved targets.
    """

    def __init__(self, log: Any, *, quiet_unmoved: bool = False) -> None:
        self._at = {logging.DEBUG: log.debug, logging.INFO: log.info, logging.WARNING: log.warning}
        self._quiet_unmoved = quiet_unmoved
        self._written: set[str] = set()

    def write(self, results: Iterable[TargetResult], report: TriggerReport) -> None:
        """Write the results that were not written before.

        :param report: all results so far, which show what can have kept the others back.
        """
        new = [each for each in results if each.target not in self._written]
        self._written.update(each.target for each in new)
        for level, line in report_lines(new, report, quiet_unmoved=self._quiet_unmoved):
            self._at[level]("%s", line)

    def conclude(self, report: TriggerReport, results: Iterable[TargetResult] | None = None) -> None:
        """Write how many have which outcome, the results that were not written before, and causes of ``unmoved``.

        :param results: of which results; all by default.
        """
        self._at[logging.INFO]("%s", counts_line(report))
        self.write(report.results if results is None else results, report)
        unmoved = [] if self._quiet_unmoved else [each for each in report.results if each.outcome == "unmoved"]
        if causes := remaining_causes(unmoved, report):
            self._at[logging.WARNING]("Likely causes of unmoved, the most frequent first:")
            for number, each in enumerate(causes, start=1):
                self._at[logging.WARNING]("  %d. %s", number, each.clause)


def counts_line(report: TriggerReport) -> str:
    """How many have which outcome."""
    shown = ", ".join(f"{getattr(report, name):,} {name}" for name in OUTCOMES)
    return f"Of {len(report.results):,}: {shown}."


def report_lines(
    results: Sequence[TargetResult], report: TriggerReport, *, quiet_unmoved: bool = False
) -> Iterator[tuple[int, str]]:
    """Yield (logging level, text) for every result.

    :param report: all results there are.
    :param quiet_unmoved: whether the user ignores unmoved targets.
    """
    groups: dict[tuple[int, Outcome, str, str], list[str]] = {}
    for result in results:
        quiet = result.outcome in QUIET or (quiet_unmoved and result.outcome in ("unmoved", "elsewhere"))
        level = logging.INFO if quiet else logging.WARNING
        groups.setdefault((level, result.outcome, _head(result), _detail(result)), []).append(result.target)
    left: defaultdict[Outcome, int] = defaultdict(lambda: LINES)
    for (level, outcome, head, detail), targets in groups.items():
        named = list(_lines(head, targets))
        about = of_several(detail, len(targets) if len(named) < len(targets) else 1)
        lines = [*named, *textwrap.wrap(about, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT)]
        shown = max(left[outcome], 1)
        left[outcome] -= len(lines)
        yield from ((level, line) for line in lines[:shown])
        if hidden := lines[shown:]:
            in_report = len(report.results) <= SHORT_REPORT or outcome not in QUIET
            yield level, f"{head}: {len(hidden):,} more lines. {_where_all_are(in_report=in_report)}"
            yield from ((logging.DEBUG, line) for line in hidden)


def warn(log: Any, text: str) -> None:
    """Write a long warning in lines that Airflow's view of a log shows whole."""
    write(log.warning, text)


def write(at: Callable[..., object], text: str) -> None:
    """Write a long text in such lines.

    :param at: the logger's method of a level.
    """
    for line in textwrap.wrap(text, WIDTH, subsequent_indent=INDENT, break_on_hyphens=False):
        at("%s", line)


def _where_all_are(*, in_report: bool) -> str:
    return "The report in XCom names all." if in_report else "The log names all at the level DEBUG."


def _lines(head: str, targets: Sequence[str]) -> Iterator[str]:
    """One group: what became of it, how many, and their names, on as many lines as they need."""
    if len(targets) == 1 or (len(targets) <= FEW and not head.startswith("unverified")):
        yield from (f"{head}: {target}" for target in targets)
        return
    names = spans(targets)
    line = f"{head}: {len(targets):,} {noun(targets)} ("
    for index, name in enumerate(names):
        piece = f"{name})" if index == len(names) - 1 else f"{name}, "
        if len(line) + len(piece.rstrip()) > WIDTH and not line.endswith("("):
            yield line.rstrip()
            line = INDENT
        line += piece
    yield line


def _head(result: TargetResult) -> str:
    match result.outcome:
        case "moved":
            return f"moved {_way(result)}"
        case "already":
            return f"already at {shown(result.stage_after or result.stage_before)}, not fired"
        case "elsewhere":
            return f"elsewhere {_way(result)}, not expected"
        case "unmoved":
            if result.stage_after is None:
                return "unmoved, cannot be read any more"
            return f"unmoved at {result.stage_after}{_PLACES[result.place]}"
        case "unverified":
            return "unverified, accepted by the portal"
        case "would_fire":
            return f"would be fired from {shown(result.stage_before)}"
        case "failed":
            return f"failed (executed: {result.error.executed})" if result.error else "failed"


def _way(result: TargetResult) -> str:
    return f"{shown(result.stage_before)} -> {shown(result.stage_after)}"


_PLACES: dict[Place | None, str] = {
    None: "",
    "before": "",
    "past": ", past the expected stage",
    "aside": ", in a pipeline without the expected stage",
    "final": ", where its pipeline ends",
}


def _detail(result: TargetResult) -> str:
    """What else is known, for lines of its own, since it may be long."""
    if result.error is not None:
        return result.error.message
    return result.reason or ""
