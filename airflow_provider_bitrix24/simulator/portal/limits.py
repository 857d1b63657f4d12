"""The portal's limits: the leaky bucket of requests and the budget of operating time.

Both are asked with the present moment and never sleep. Which request or method they are asked about is
decided by the caller.
"""

from __future__ import annotations

from collections import deque
from typing import Literal

from airflow_provider_bitrix24.simulator.portal.settings import Plan

BASKET_SECONDS = 60
BASKETS = 10
COUNTED_FROM = 0.1
"""Executions of at most this many seconds are not counted."""


class RequestLimit:
    """A leaky bucket per source address.

    :param capacity: requests that may come at once.
    :param per_second: how fast the bucket drains.
    :param drain: ``"continuous"``, or ``"steps"`` once a full second.
    :param refused_count: whether a refused request adds to the bucket too. Whether it does at Bitrix24 is
        not documented.
    """

    def __init__(self) -> None:
        self.capacity = 50.0
        self.per_second = 2.0
        self.drain: Literal["continuous", "steps"] = "continuous"
        self.refused_count = False
        self.enabled = True
        self.refused = 0
        self._levels: dict[str, tuple[float, float]] = {}

    def set_plan(self, plan: Plan) -> None:
        """Take the figures of a tariff plan; self-hosted portals have no such limit."""
        self.capacity, self.per_second = (250.0, 5.0) if plan is Plan.ENTERPRISE else (50.0, 2.0)
        self.enabled = plan is not Plan.SELF_HOSTED

    def admit(self, source: str, now: float) -> bool:
        """Count a request from `source`; ``False`` when it must be refused."""
        if not self.enabled:
            return True
        level, since = self._drained(source, now)
        if level + 1 > self.capacity + 1e-9:
            self.refused += 1
            self._levels[source] = (min(level + 1, 2 * self.capacity) if self.refused_count else level, since)
            return False
        self._levels[source] = (level + 1, since)
        return True

    def level(self, source: str, now: float) -> float:
        """Return how full the bucket of `source` is."""
        return self._drained(source, now)[0]

    def fullest(self, now: float) -> float:
        """Return the level of the fullest bucket of all sources."""
        return max((self.level(source, now) for source in tuple(self._levels)), default=0.0)

    def clear(self) -> None:
        """Empty every bucket."""
        self._levels.clear()
        self.refused = 0

    def _drained(self, source: str, now: float) -> tuple[float, float]:
        level, since = self._levels.get(source, (0.0, now))
        passed = now - since
        if self.drain == "steps":
            passed = float(int(passed))
        level = max(0.0, level - passed * self.per_second)
        return level, (since + passed if level else now)


class OperatingLimit:
    """Working time per credential and method: ten baskets of a minute, refused above a sum.

    The portal adds up the executions of one method within one HTTP request and counts the sum when it is
    over 0.1 s. Newer portals also ban the method for a while once the limit is crossed (`ban_seconds`).
    """

    def __init__(self) -> None:
        self.seconds = 480.0
        self.ban_seconds = 0.0
        self._basket_seconds: float = BASKET_SECONDS
        self.enabled = True
        self.refused = 0
        self._baskets: dict[tuple[str, str], deque[tuple[int, float]]] = {}
        self._banned_until: dict[tuple[str, str], float] = {}

    @property
    def basket_seconds(self) -> float:
        """Length of one of the ten baskets: a minute; shorter ones let one see a reset without a wait of minutes.

        :raises ValueError: when it is set to nothing, or to less.
        """
        return self._basket_seconds

    @basket_seconds.setter
    def basket_seconds(self, seconds: float) -> None:
        if not seconds > 0:
            raise ValueError(f"basket_seconds is {seconds}; write a positive number of seconds")
        self._basket_seconds = seconds

    def set_plan(self, plan: Plan) -> None:
        """Switch counting off for a self-hosted portal, on for the others."""
        self.enabled = plan is not Plan.SELF_HOSTED

    def spend(self, credential: str, method: str, seconds: float, now: float) -> None:
        """Add the time that one request spent in a method."""
        if not self.enabled or seconds <= COUNTED_FROM:
            return
        baskets = self._baskets.setdefault((credential, method), deque())
        minute = int(now // self._basket_seconds)
        if baskets and baskets[-1][0] == minute:
            baskets[-1] = (minute, baskets[-1][1] + seconds)
        else:
            baskets.append((minute, seconds))

    def operating(self, credential: str, method: str, now: float) -> float:
        """Return the seconds of work in the last ten minutes."""
        baskets = self._current(credential, method, now)
        return sum(seconds for _, seconds in baskets) if baskets else 0.0

    def reset_at(self, credential: str, method: str, now: float) -> int:
        """Return when the oldest basket leaves the sum, in seconds since the epoch."""
        if self._banned_until and (until := self._banned_until.get((credential, method), 0.0)) > now:
            return int(until)
        baskets = self._current(credential, method, now)
        minute = baskets[0][0] if baskets else int(now // self._basket_seconds)
        return int((minute + BASKETS) * self._basket_seconds)

    def blocked(self, credential: str, method: str, in_this_request: float, now: float) -> bool:
        """Tell whether the next call must be refused: the sum so far is *greater* than the limit."""
        if not self.enabled:
            return False
        key = (credential, method)
        if self._banned_until and self._banned_until.get(key, 0.0) > now:
            self.refused += 1
            return True
        if self.operating(credential, method, now) + in_this_request <= self.seconds:
            return False
        if self.ban_seconds:
            self._banned_until[key] = now + self.ban_seconds
            self._baskets.pop(key, None)
        self.refused += 1
        return True

    def clear(self) -> None:
        """Forget all work done."""
        self._baskets.clear()
        self._banned_until.clear()
        self.refused = 0

    def _current(self, credential: str, method: str, now: float) -> deque[tuple[int, float]] | None:
        if not self._baskets:
            return None
        baskets = self._baskets.get((credential, method))
        if baskets:
            oldest = int(now // self._basket_seconds) - BASKETS
            while baskets and baskets[0][0] <= oldest:
                baskets.popleft()
        return baskets


class OperatingUsage:
    """The operating time of one HTTP request, by method; :meth:`finish` adds it to the baskets."""

    __slots__ = ("_credential", "_limit", "_spent")

    def __init__(self, limit: OperatingLimit, credential: str) -> None:
        self._limit = limit
        self._credential = credential
        self._spent: dict[str, tuple[float, float]] = {}

    def blocked(self, method: str, now: float) -> bool:
        """Tell whether a call of `method` must be refused now."""
        return self._limit.blocked(self._credential, method, self._counted(method), now)

    def spend(self, method: str, seconds: float) -> None:
        """Note the time of one execution."""
        total, counted = self._spent.get(method, (0.0, 0.0))
        self._spent[method] = (total + seconds, counted + seconds if seconds > COUNTED_FROM else counted)

    def times(self, method: str, now: float) -> tuple[float, int] | None:
        """Return `operating` and `operating_reset_at` as answers show them; ``None`` where they show none."""
        limit = self._limit
        if not limit.enabled:
            return None
        operating = limit.operating(self._credential, method, now) + self._counted(method)
        return operating, limit.reset_at(self._credential, method, now)

    def finish(self, now: float) -> None:
        """Add what was spent to the baskets."""
        for method, (total, _) in self._spent.items():
            self._limit.spend(self._credential, method, total, now)
        self._spent.clear()

    def _counted(self, method: str) -> float:
        return self._spent[method][1] if method in self._spent else 0.0
