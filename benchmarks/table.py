"""One row of the table: what was to be reached, what was measured, and whether that is enough."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.runner import Run


@dataclass(slots=True)
class Row:
    """A figure.

    :param met: ``None`` where nothing was promised, or where it could not be measured.
    :param peers: what the others did, by name.
    :param details: every run, for the JSON file.
    :param plotted: what the plot is drawn from.
    """

    key: str
    what: str
    target: str
    ours: str
    met: bool | None
    peers: dict[str, str] = field(default_factory=dict)
    note: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    plotted: dict[str, Any] = field(default_factory=dict)


def floor_seconds(requests: int, *, last: float, capacity: int = 50, rate: float = 2.0) -> float:
    """Seconds that the portal's bucket forces on so many requests, with the last one's working time."""
    return max(0, requests - capacity) / rate + last


def raw(runs: dict[str, list[Run]]) -> dict[str, Any]:
    """Runs as JSON, without their timelines."""
    return {name: [{**asdict(run), "timeline": []} for run in each] for name, each in runs.items()}


def worst(runs: list[Run], what: str) -> int:
    """The worst count among runs; a portal that does not tell counts as zero."""
    return max(getattr(run.truth, what) or 0 for run in runs)


def verdict(*, sound: bool, fast: bool, quick: bool) -> bool | None:
    """Whether a row is met; of a quick look only what went wrong is told."""
    if not sound:
        return False
    return None if quick else fast


def faultless(runs: list[Run]) -> bool:
    """Whether in every run each entity was moved once and no request was refused."""
    return not any(worst(runs, what) for what in ("doubled", "lost", "refused"))


def flaws(runs: list[Run]) -> str:
    """What went wrong, in words; the worst of the runs."""
    counts = [f"{worst(runs, what)} {what}" for what in ("refused", "doubled", "lost") if worst(runs, what)]
    raised = [run.said["raised"] for run in runs if "raised" in run.said]
    if raised:
        often = f" in {len(raised)} of {len(runs)} runs" if len(runs) > 1 else ""
        counts.append(f"raises {'/'.join(sorted(set(raised)))}{often}")
    unknown = max(run.said.get("unknown", 0) for run in runs)
    if unknown and not raised:
        counts.append(f"{unknown} said to be unknown")
    if all(run.truth.refused is None for run in runs):
        counts.append("refused: not known")
    return ", ".join(counts) or "0 refused"
