"""How fast a portal may be called: its leaky bucket and its budget of working time. Pure; never sleeps.

Bitrix24 adds one to a bucket per request and lets it leak (50 and 2 a second, on the Enterprise plan 250
and 5), counted per portal and source address; it also limits the working time of each method to 480 s
in ten minutes. Where the bucket's level is kept, and shared, is in :mod:`.pacing_store`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.protocol.wire import Timing

MARGIN = 2
"""Tokens never used. Documentation leaves open whether the bucket leaks steadily or once a second, and whether
refused requests count; with two spare tokens every reading holds at two requests a second."""
OPERATING_LIMIT = 480.0
"""Seconds of work that a method may do in ten minutes in the cloud."""
FRESH = 2.0
"""Seconds for which a reported working time tells where the limit lies."""
SLOWEST = 0.25
"""How far refusals slow us down: a quarter of the plan's rate."""
RECOVERY = 60.0
"""Seconds without a refusal after which the rate rises by a step again."""


@dataclass(frozen=True, slots=True)
class BucketState:
    """The bucket as of a moment: ``level`` tokens at ``at`` (monotonic seconds)."""

    level: float = 0.0
    at: float = 0.0
    pace: float = 1.0
    """Part of the plan's rate that is used; below 1 after refusals."""
    refused_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Grant:
    """An answer to a reservation: send ``count`` requests in ``wait`` seconds."""

    count: int
    wait: float


@dataclass(frozen=True, slots=True)
class LeakyBucket:
    """A portal's bucket, seen from our side and a little smaller than it is.

    :param size: requests that the portal takes at once.
    :param rate: requests a second that leak.
    """

    size: int
    rate: float

    @property
    def capacity(self) -> float:
        """Tokens that we use at the most."""
        return max(1.0, self.size - max(MARGIN, ceil(self.rate)))

    def acquire(self, state: BucketState, now: float, want: int) -> tuple[BucketState, Grant]:
        """Take up to ``want`` tokens that are free now, or else the next one that will be.

        A token taken for later is taken for good: whoever asks next waits behind it.
        """
        state = self._leaked(state, now)
        free = int(self.capacity - state.level + 1e-9)
        if free >= 1:
            count = min(want, free)
            return replace(state, level=state.level + count), Grant(count, 0.0)
        wait = (state.level + 1 - self.capacity) / (self.rate * state.pace)
        return replace(state, level=state.level + 1), Grant(1, wait)

    def refused(self, state: BucketState, now: float) -> BucketState:
        """The portal refused a request: its bucket is full, so somebody else uses it too. Slow down."""
        state = self._leaked(state, now)
        pace = max(SLOWEST, state.pace * 0.8)
        return replace(state, level=max(state.level, self.capacity), pace=pace, refused_at=now)

    def _leaked(self, state: BucketState, now: float) -> BucketState:
        if state.at > now:
            # Kept before a reboot that could not be told otherwise.
            state = replace(state, at=now, refused_at=min(state.refused_at, now))
        elapsed = now - state.at
        level = max(0.0, state.level - elapsed * self.rate * state.pace)
        pace, refused_at = state.pace, state.refused_at
        if pace < 1.0 and now - refused_at >= RECOVERY:
            pace, refused_at = min(1.0, pace * 1.25), now
        return BucketState(level, now, pace, refused_at)


@dataclass(frozen=True, slots=True)
class CostState:
    """What one command of a kind took lately on this machine: seconds, when noted, since when somebody measures."""

    seconds: float = -1.0
    noted_at: float = 0.0
    probed_at: float = 0.0


@dataclass(frozen=True, slots=True)
class SharedCost:
    """``seconds`` a command if that is known; otherwise ``wait`` seconds for somebody who is measuring, or measure."""

    seconds: float | None
    wait: float = 0.0


COST_HOLDS = 60.0
"""Seconds for which a cost that another process measured is trusted."""
PROBE_PATIENCE = 2.0
"""Seconds for which others wait for the one who measures."""
PROBE_STEP = 0.1


def share_cost(state: CostState, now: float, measured: float | None) -> tuple[CostState, SharedCost]:
    """Note a measured cost, or ask for a known one; the first who asks in vain is the one who measures."""
    if measured is not None:
        return CostState(measured, now, 0.0), SharedCost(measured)
    if state.seconds >= 0 and 0 <= now - state.noted_at <= COST_HOLDS:
        return state, SharedCost(state.seconds)
    if state.probed_at > 0 and 0 <= now - state.probed_at < PROBE_PATIENCE:
        return state, SharedCost(None, PROBE_STEP)
    return CostState(probed_at=now), SharedCost(None)


@dataclass(slots=True)
class OperatingBudget:
    """Working time that the portal reports per method, and when it frees some. Only reported values count."""

    limit: float = OPERATING_LIMIT
    """Falls to what the portal shows when it refuses earlier than documented."""
    _methods: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    """Method -> seconds of work, when some of it is freed, when the portal said so."""

    def note(self, method: str, timing: Timing, now: float) -> None:
        """Remember what an answer that arrived at ``now`` said about a method."""
        if timing.operating is not None and timing.reset_in is not None:
            self._methods[method] = (timing.operating, now + timing.reset_in, now)

    def note_refusal(self, method: str, now: float) -> float | None:
        """The portal refused the method. Seconds until the reset, ``None`` where it has not said when."""
        known = self._methods.get(method)
        if known is None:
            return None
        operating, reset_at, noted_at = known
        if 0 < operating < self.limit and now - noted_at <= FRESH:
            self.limit = operating
        return max(0.0, reset_at - now)

    def wait(self, method: str, now: float) -> float:
        """Seconds to wait before the method is called again, zero if it may be called now."""
        operating, reset_at, _ = self._methods.get(method, (0.0, 0.0, 0.0))
        return max(0.0, reset_at - now) if operating > self.limit else 0.0

    def capacity(self, method: str, now: float, cost: float) -> int | None:
        """How many calls of ``cost`` seconds fit until the limit, at least one; ``None`` where nothing is known."""
        known = self._methods.get(method)
        if known is None or known[1] <= now or cost <= 0:
            return None
        return max(1, int((self.limit - known[0]) / cost) + 1)
