"""The working time that a portal allows each method: 480 s in ten minutes. Pure; only reported values count."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.values import WINDOW

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.protocol.wire import Timing

OPERATING_LIMIT = 480.0
"""Seconds of work that the cloud allows a method in ten minutes."""
_CHEAPEST = 1e-3
"""Seconds that a call takes at least, by which a number of calls stays a number."""
FRESH = 2.0
"""Seconds for which a reported working time, followed by a refusal, shows where the limit is."""


@dataclass(slots=True)
class OperatingBudget:
    """The working time that the portal has reported for each method, and when some of it becomes free."""

    limit: float = OPERATING_LIMIT
    """Falls to the reported working time where the portal refuses earlier than documented."""
    _methods: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    """Method -> seconds of work, when some of them become free, when the portal reported this."""

    def note(self, method: str, timing: Timing, now: float) -> None:
        """Record what an answer that arrived at ``now`` reports about a method."""
        if timing.operating is not None and timing.reset_in is not None:
            self._methods[method] = (timing.operating, now + timing.reset_in, now)

    def note_refusal(self, method: str, now: float) -> float | None:
        """Record a refusal. Returns the seconds until the reset, or ``None`` where the portal has not reported it."""
        known = self._methods.get(method)
        if known is None:
            return None
        operating, reset_at, noted_at = known
        if 0 < operating < self.limit and now - noted_at <= FRESH:
            self.limit = operating
        return min(WINDOW, max(0.0, reset_at - now))

    def wait(self, method: str, now: float) -> float:
        """Seconds to wait before the method may be called; zero means now."""
        operating, reset_at, _ = self._methods.get(method, (0.0, 0.0, 0.0))
        return min(WINDOW, max(0.0, reset_at - now)) if operating > self.limit else 0.0

    def capacity(self, method: str, now: float, cost: float) -> int | None:
        """How many calls of ``cost`` seconds the limit still allows, at least one; ``None`` where that is not known."""
        known = self._methods.get(method)
        if known is None or known[1] <= now or cost <= 0:
            return None
        left = min(self.limit, max(0.0, self.limit - known[0]))
        return int(left / max(cost, _CHEAPEST)) + 1
