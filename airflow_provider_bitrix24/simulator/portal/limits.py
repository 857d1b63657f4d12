"""The portal's limits: the leaky bucket of requests and the budget of operating time.

Callers pass the present moment; nothing sleeps here.
"""

from __future__ import annotations

from collections import deque
from typing import Literal

from airflow_provider_bitrix24.simulator.portal.settings import Plan

BASKET_SECONDS = 60
BASKETS = 10
COUNTED_FROM = 0.1
"""Executions are counted when they take longer than this many seconds."""


class RequestLimit:
    """A leaky bucket per source address.

    :param capacity: how many requests can come at once.
    :param per_second: how many requests drain from the bucket per second.
    :param drain: ``"continuous"``, or ``"steps"``: once in each full second.
    :param refused_count: whether refused requests fill the bucket, too. For Bitrix24 this is not documented.
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
        """Set the figures of a tariff plan; self-hosted portals have no such limit."""
        self.capacity, self.per_second = (250.0, 5.0) if plan is Plan.ENTERPRISE else (50.0, 2.0)
        self.enabled = plan is not Plan.SELF_HOSTED

    def admit(self, source: str, now: float) -> bool:
        """Count a request from `source`; ``False`` when it is refused."""
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
        """How full the bucket of `source` is."""
        return self._drained(source, now)[0]

    def fullest(self, now: float) -> float:
        """The level of the fullest bucket of all sources."""
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
    """Working time per credential and method, in ten baskets of a minute; above a sum calls are refused.

    The portal adds up the executions of a method in one HTTP request, and counts the sum when it is over 0.1 s. Newer
    portals also ban the method for `ban_seconds` when the limit is exceeded.
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
        """Length of one of the ten baskets: a minute by default; shorter baskets make resets come sooner.

        :raises ValueError: when it is set to a number that is not positive.
        """
        return self._basket_seconds

    @basket_seconds.setter
    def basket_seconds(self, seconds: float) -> None:
        if not seconds > 0:
            raise ValueError(f"basket_seconds is {seconds}; write a positive number of seconds")
        self._basket_seconds = seconds

    def set_plan(self, plan: Plan) -> None:
        """Switch the limit on, or off for a self-hosted portal."""
        self.enabled = plan is not Plan.SELF_HOSTED

    def spend(self, credential: str, method: str, seconds: float, now: float) -> None:
        """Add the seconds that one request took for a method."""
        if not self.enabled or seconds <= COUNTED_FROM:
            return
        baskets = self._baskets.setdefault((credential, method), deque())
        minute = int(now // self._basket_seconds)
        if baskets and baskets[-1][0] == minute:
            baskets[-1] = (minute, baskets[-1][1] + seconds)
        else:
            baskets.append((minute, seconds))

    def operating(self, credential: str, method: str, now: float) -> float:
        """The seconds of work in the last ten minutes."""
        baskets = self._current(credential, method, now)
        return sum(seconds for _, seconds in baskets) if baskets else 0.0

    def reset_at(self, credential: str, method: str, now: float) -> int:
        """When the oldest basket will leave the sum, in seconds since the epoch."""
        if self._banned_until and (until := self._banned_until.get((credential, method), 0.0)) > now:
            return int(until)
        baskets = self._current(credential, method, now)
        minute = baskets[0][0] if baskets else int(now // self._basket_seconds)
        return int((minute + BASKETS) * self._basket_seconds)

    def blocked(self, credential: str, method: str, in_this_request: float, now: float) -> bool:
        """Whether the next call is refused, because the sum so far is *greater* than the limit."""
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
        """Forget all operating time."""
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
        """Whether a call of `method` is refused now."""
        return self._limit.blocked(self._credential, method, self._counted(method), now)

    def spend(self, method: str, seconds: float) -> None:
        """Add the seconds of one execution."""
        total, counted = self._spent.get(method, (0.0, 0.0))
        self._spent[method] = (total + seconds, counted + seconds if seconds > COUNTED_FROM else counted)

    def times(self, method: str, now: float) -> tuple[float, int] | None:
        """`operating` and `operating_reset_at` as responses show them; ``None`` without the limit."""
        limit = self._limit
        if not limit.enabled:
            return None
        operating = limit.operating(self._credential, method, now) + self._counted(method)
        return operating, limit.reset_at(self._credential, method, now)

    def finish(self, now: float) -> None:
        """Add the operating time of this request to the baskets."""
        for method, (total, _) in self._spent.items():
            self._limit.spend(self._credential, method, total, now)
        self._spent.clear()

    def _counted(self, method: str) -> float:
        return self._spent[method][1] if method in self._spent else 0.0
