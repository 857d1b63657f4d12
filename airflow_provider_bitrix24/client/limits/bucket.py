"""A portal's leaky bucket: how many requests may leave now, and when the next one may. Pure; never sleeps.

Bitrix24 adds one to a bucket for each request and lets it leak (50 and 2 a second, on the Enterprise plan 250 and 5),
for each portal and source address. Where the bucket's level is kept and shared is decided in :mod:`..stores`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, floor

from airflow_provider_bitrix24.client.values import WINDOW

MARGIN = 2
"""Tokens that are not used where it is not known when the bucket leaks. The documentation does not say whether it leaks
steadily or once a second, nor whether refused requests count; two spare tokens are enough for every reading of it at
two requests a second."""
EMPTY_FOR = 2.0
"""Seconds after which a bucket that must have run empty is empty in every reading."""
STEP, LATE = 1.0, 0.1
"""Seconds between two leaks of a bucket that leaks in steps, and how long after one its tokens are taken."""
_ROUNDING = 1e-6
SLOWEST = 1 / 32
"""Refusals slow us down to this part of the plan's rate at most; so many hosts may share an address unknowingly."""
FIRST_PACE = 1 / 16, 1 / 2
"""The pace after a first refusal, at least and at most: at most one other process has as much to do. Where others are
known, they are as many more."""
SLOWER, FASTER = 0.8, 1.3
"""What a further refusal does to the pace, and what a request that was not refused does."""
PAUSE, MORE_PAUSE = 3.5, 2.0
"""Tokens that pass unused after a first refusal, and at most for each further one: the portal may count those, too."""
SMALL_CROWD = 2.5
"""More hosts than this, and up to four, pause for fewer tokens: they meet at the full bucket with little left to send.
Two have enough time to meet there again, and more than four are refused more at once."""
OTHERS_PAUSE = 0.3
"""The same for each further refusal and host, by the number of hosts that the pace allows for."""
LONGEST_PAUSE = 50.0
"""Seconds: by then a bucket of 50 that was filled up to twice its size is empty again."""
SAME_CROWD = 2.0
"""Seconds for which further refusals are those of requests that were sent before the pace fell."""
RECOVERY = 60.0
"""Seconds without a refusal after which the pace rises by one step where nothing is sent."""


@dataclass(frozen=True, slots=True)
class BucketState:
    """The bucket as of a moment: ``level`` tokens at ``at`` (monotonic seconds)."""

    level: float = 0.0
    at: float = 0.0
    pace: float = 1.0
    """Part of the plan's rate that is used; below 1 after refusals."""
    refused_at: float = 0.0
    """When refusals made the pace fall last."""
    granted: float = 0.0
    """Tokens taken since the last refusal."""
    filled_from: float = 0.0
    """When the first token was taken since the bucket was empty in every reading; zero where that is not known."""
    filled: float = 0.0
    """Tokens taken since then."""
    leaks_from: float = 0.0
    """When the portal had certainly received one of those requests, so that it leaks at each full second from then
    at the latest; zero before."""

    def without_leaks(self) -> BucketState:
        """The same where it is not known when the portal's bucket was empty."""
        return replace(self, filled_from=0.0, filled=0.0, leaks_from=0.0)


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
    :param others: how many other processes are known to use it, too.
    :param part: the part of it that is ours where some of these cannot be asked.
    """

    size: int
    rate: float
    others: int = 0
    part: float = 1.0

    @property
    def capacity(self) -> float:
        """The number of tokens that we use at most."""
        return max(1.0, self.size - max(MARGIN, ceil(self.rate)))

    @property
    def leak(self) -> float:
        """Requests that leak per second for us."""
        return self.rate * self.part

    @property
    def slowest(self) -> float:
        """The pace to which refusals slow us down at most."""
        return min(1.0, SLOWEST / self.part)

    def divided(self, state: BucketState, before: float) -> BucketState:
        """Divide among processes both the room and the requests that wait for room, or put them together.

        :param before: the part for which the state holds.
        """
        if self.part == before:
            return state
        return replace(state, level=max(0.0, self.capacity + (state.level - self.capacity) * self.part / before))

    def acquire(
        self, state: BucketState, now: float, want: int, answered: float | None = None
    ) -> tuple[BucketState, Grant]:
        """Take up to ``want`` tokens that are free now, or else the next token that becomes free.

        A token taken in advance is not given back: the next caller waits longer.

        :param answered: when the caller sent the last request that was answered.
        """
        state = self._accepted(self._leaked(state, now))
        if state.filled_from and not state.leaks_from and answered is not None:
            received = answered >= state.filled_from - _ROUNDING
            state = replace(state, leaks_from=now if received else 0.0)
        free = self._free(state, now)
        grant = Grant(min(want, free), 0.0) if free >= 1 else self._next(state, now, want)
        return replace(
            state,
            level=state.level + grant.count,
            granted=state.granted + grant.count,
            filled=state.filled + grant.count if state.filled_from else 0.0,
        ), grant

    def _free(self, state: BucketState, now: float) -> int:
        """Tokens that are free: with the margin, or without it where the time of the portal's leaks is known."""
        free = self.capacity - state.level
        if self._knows_leaks(state, now):
            leaks = max(0, floor((now - state.leaks_from - LATE) / STEP + 1e-9))
            free = max(free, self.size - max(0.0, state.filled - self.leak * leaks))
        return int(free + 1e-9)

    def _next(self, state: BucketState, now: float, want: int) -> Grant:
        """The next token that becomes free, or as many as become free by the same leak."""
        wait = (state.level + 1 - self.capacity) / (self.leak * state.pace)
        if self._knows_leaks(state, now):
            leaks = ceil((state.filled + 1 - self.size) / self.leak - 1e-9)
            leak = state.leaks_from + LATE + leaks * STEP - now
            if leak <= wait:
                room = int(self.size + self.leak * leaks - state.filled + 1e-9)
                return Grant(min(want, room), min(max(0.0, leak), WINDOW))
        return Grant(1, min(wait, WINDOW))

    @staticmethod
    def _knows_leaks(state: BucketState, now: float) -> bool:
        # For a while, since clocks drift; and not where the tokens do not add up, since anybody may have written them.
        return 0 < state.leaks_from <= now < state.leaks_from + WINDOW and state.filled >= state.level

    def refused(self, state: BucketState, now: float, count: int = 1) -> BucketState:
        """The portal refused so many requests: its bucket is full, and somebody else uses it, too. Slow down.

        After a first refusal the pace becomes our part of what filled the bucket, which is the part that is ours where
        several hosts with as much to do share an address. Each pauses until the portal has room again. A process that
        has only its part of the bucket pauses for what was refused, as the others do.
        """
        state = self._leaked(state, now)
        pace, first, fell_at = state.pace, state.pace >= 1.0, now + self._queue(state)
        if first:
            slowest, fastest = FIRST_PACE
            fastest = max(fastest, 1 - 1 / (2 + self.others))
            pace = min(fastest, max(slowest, state.level / self.capacity))
        elif now - state.refused_at >= SAME_CROWD:
            pace = max(self.slowest, pace * SLOWER)
        else:
            fell_at = state.refused_at
        pause = _first_pause(pace, count) if first else min(MORE_PAUSE, OTHERS_PAUSE / pace) * count
        if self.part < 1:
            pause = float(count)
        pause = max(0.0, min(pause, LONGEST_PAUSE * self.leak * pace - 1))
        level = max(state.level, self.capacity) + pause
        return BucketState(level, now, pace, fell_at)

    def _queue(self, state: BucketState) -> float:
        """Seconds for which tokens are still waited for that other processes have taken in advance."""
        queue = max(0.0, state.level - self.capacity) / (self.leak * state.pace)
        return min(LONGEST_PAUSE, queue) if self.others else 0.0

    @staticmethod
    def _accepted(state: BucketState) -> BucketState:
        """Speed up where what was sent since the last refusal was not refused."""
        if state.pace >= 1.0 or state.granted < 1:
            return state
        return replace(state, pace=min(1.0, state.pace * FASTER))

    def _leaked(self, state: BucketState, now: float) -> BucketState:
        if state.at > now:
            # Written before a reboot that nothing else gave away.
            state = replace(state, at=now, refused_at=min(state.refused_at, now))
        elapsed = now - state.at
        # What was kept may have been written by anybody, so that nobody waits for longer than it could be true.
        pace, refused_at = min(1.0, max(self.slowest, state.pace)), min(state.refused_at, now + LONGEST_PAUSE)
        highest = self.capacity + WINDOW * self.leak * pace
        left = state.level - elapsed * self.leak * pace
        level = min(max(self.capacity * (1 - self.part), left), highest)
        filled_from, filled, leaks_from = state.filled_from, state.filled, state.leaks_from
        if left <= 0 < elapsed:
            empty = pace >= 1.0 and self.part >= 1.0 and -left >= EMPTY_FOR * self.leak
            filled_from, filled, leaks_from = (now if empty else 0.0), 0.0, 0.0
        if pace < 1.0 and now - refused_at >= RECOVERY:
            pace, refused_at = min(1.0, pace * FASTER), now
        return BucketState(
            level, now, pace, refused_at, max(0.0, state.granted), min(filled_from, now), max(0.0, filled), leaks_from
        )


def _first_pause(pace: float, count: int) -> float:
    """Tokens that pass unused after a first refusal of ``count`` requests."""
    hosts = 1 / pace
    shortest = min(PAUSE, hosts * hosts / 6) if hosts > SMALL_CROWD else PAUSE
    return shortest + min(MORE_PAUSE, OTHERS_PAUSE * hosts) * (count - 1)
