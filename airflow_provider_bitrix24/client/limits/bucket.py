"""A portal's leaky bucket: how many requests may leave now, and when the next one may. Pure; never sleeps.

Bitrix24 adds one to a bucket for each request and lets it leak (50 and 2 a second, on the Enterprise plan 250 and 5),
for each portal and source address. Where the bucket's level is kept and shared is decided in :mod:`..stores`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil

from airflow_provider_bitrix24.client.values import WINDOW

MARGIN = 2
"""Tokens that are never used. The documentation does not say whether the bucket leaks steadily or once a second, nor
whether refused requests count; two spare tokens are enough for every reading of it at two requests a second."""
SLOWEST = 0.25
"""Refusals slow us down to a quarter of the plan's rate at most."""
RECOVERY = 60.0
"""Seconds without a refusal after which the rate rises by one step."""


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
    """``count`` requests may be sent after ``wait`` seconds."""

    count: int
    wait: float


@dataclass(frozen=True, slots=True)
class LeakyBucket:
    """A portal's bucket, taken to be a little smaller than it is.

    :param size: requests that the portal accepts at once.
    :param rate: requests that leak per second.
    """

    size: int
    rate: float

    @property
    def capacity(self) -> float:
        """The number of tokens that we use at most."""
        return max(1.0, self.size - max(MARGIN, ceil(self.rate)))

    def acquire(self, state: BucketState, now: float, want: int) -> tuple[BucketState, Grant]:
        """Take up to ``want`` tokens that are free now, or else the next token that becomes free.

        A token taken in advance is not given back: the next caller waits longer.
        """
        state = self._leaked(state, now)
        free = int(self.capacity - state.level + 1e-9)
        if free >= 1:
            count = min(want, free)
            return replace(state, level=state.level + count), Grant(count, 0.0)
        wait = (state.level + 1 - self.capacity) / (self.rate * state.pace)
        return replace(state, level=state.level + 1), Grant(1, min(wait, WINDOW))

    def refused(self, state: BucketState, now: float) -> BucketState:
        """The portal refused a request, so its bucket is full and somebody else uses it, too. Slow down."""
        state = self._leaked(state, now)
        pace = max(SLOWEST, state.pace * 0.8)
        return replace(state, level=max(state.level, self.capacity), pace=pace, refused_at=now)

    def _leaked(self, state: BucketState, now: float) -> BucketState:
        if state.at > now:
            # Written before a reboot that nothing else gave away.
            state = replace(state, at=now, refused_at=min(state.refused_at, now))
        elapsed = now - state.at
        # What was kept may have been written by anybody, so that nobody waits for longer than it could be true.
        pace, refused_at = min(1.0, max(SLOWEST, state.pace)), min(state.refused_at, now)
        highest = self.capacity + WINDOW * self.rate * pace
        level = min(max(0.0, state.level - elapsed * self.rate * pace), highest)
        if pace < 1.0 and now - refused_at >= RECOVERY:
            pace, refused_at = min(1.0, pace * 1.25), now
        return BucketState(level, now, pace, refused_at)
