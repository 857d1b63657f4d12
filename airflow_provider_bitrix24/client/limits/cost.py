"""What a command costs in seconds, shared by processes so that only one has to measure it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

COST_HOLDS = 60.0
"""Seconds for which a cost that another process measured is trusted."""
PROBE_PATIENCE = 2.0
"""Seconds for which the other processes wait for the one that measures."""
PROBE_STEP = 0.1
"""Seconds after which a waiting process asks again."""


@dataclass(frozen=True, slots=True)
class CostState:
    """What one kind of command has cost lately; times are seconds of the shared clock."""

    seconds: float = -1.0
    """Seconds a command; negative where nobody has measured it."""
    noted_at: float = 0.0
    probed_at: float = 0.0
    """When a process began to measure; zero where none does."""


@dataclass(frozen=True, slots=True)
class SharedCost:
    """``seconds`` a command where that is known. Otherwise wait ``wait`` seconds and ask again; at zero, measure."""

    seconds: float | None
    wait: float = 0.0


def share_cost(state: CostState, now: float, measured: float | None) -> tuple[CostState, SharedCost]:
    """Record a measured cost, or ask for a known one; the first process that asks without success measures it."""
    if measured is not None:
        return CostState(measured, now, 0.0), SharedCost(measured)
    if state.seconds >= 0 and 0 <= now - state.noted_at <= COST_HOLDS:
        return state, SharedCost(state.seconds)
    if state.probed_at > 0 and 0 <= now - state.probed_at < PROBE_PATIENCE:
        return state, SharedCost(None, PROBE_STEP)
    return CostState(probed_at=now), SharedCost(None)
