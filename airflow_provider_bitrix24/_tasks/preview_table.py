"""The table of a preview, for a task's log and for the command. Pure: yields lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider_bitrix24.client.report import TargetResult, TriggerReport

LINES = 50
"""Up to this many targets have a line each."""
PER_LINE = 20
"""How many targets with the same outcome share a line if there are more."""
NOT_KNOWN = "The portal does not tell whether a trigger with this code exists, so an entity may also stay where it is."


def firing_lines(report: TriggerReport) -> Iterator[str]:
    """The table of the preview of a firing, and the counts."""
    rows = [(each.target, (each.stage_before or "?", _firing_outcome(each))) for each in report.results]
    yield from table(("STANDS AT", "OUTCOME"), rows)
    counts = f"{report.would_fire:,} would_fire, {report.already:,} already, {report.failed:,} failed"
    yield f"Of {len(report.results):,}: {counts}. {NOT_KNOWN}"


def _firing_outcome(result: TargetResult) -> str:
    match result.outcome:
        case "would_fire":
            return f"would_fire ({result.reason})" if result.reason else "would_fire"
        case "failed":
            return f"failed: {result.error.message if result.error else 'no reason given'}"
        case outcome:
            return outcome


def table(heads: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> Iterator[str]:
    """A line for each target; where there are many, for each group of targets with the same cells.

    :param heads: of the columns after the target's.
    :param rows: targets with their cells.
    """
    groups: dict[tuple[str, ...], list[str]] = {}
    for target, cells in rows:
        groups.setdefault(tuple(cells), []).append(target)
    size = 1 if len(rows) <= LINES else PER_LINE
    lines = [("TARGET", *heads)]
    for cells, targets in groups.items():
        lines += [(" ".join(targets[start : start + size]), *cells) for start in range(0, len(targets), size)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    for line in lines:
        padded = [cell.ljust(width) for cell, width in zip(line[:-1], widths, strict=True)]
        yield "  ".join((*padded, line[-1])).rstrip()
