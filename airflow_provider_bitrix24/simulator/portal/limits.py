"""The portal's limits: the leaky bucket of requests and the budget of operating time.

Callers pass the present moment; nothing sleeps here.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Literal

from airflow_provider_bitrix24.simulator.portal.settings import Plan

BASKET_SECONDS = 60
BASKETS = 10
COUNTED_FROM = 0.1
"""Executions are counted when they take longer than this many seconds."""
BATCH: Final = "batch"
_COMMON_ACCOUNT: Final = "webhooks"
"""Whose operating time the commands in the batches of all webhooks are, with ``commands_billed_to="portal"``."""

OperatingProfile = Literal["2026-05", "2026-09"]
"""The version of the portal's operating limit, named after the month whose source it imitates."""
PROFILES: Final[dict[str, dict[str, float]]] = {
    "2026-05": {"seconds": 480.0, "ban_seconds": 0.0, "batch_weight": 0.0},
    "2026-09": {"seconds": 420.0, "ban_seconds": 300.0, "batch_weight": 0.5},
}
"""The figures that a profile sets."""


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

    The portal adds up the executions of a method in one HTTP request, and counts the sum when it is over 0.1 s.
    Newer portals (:meth:`set_profile`) also count a share of each batch's time as time of the method ``batch``, and
    ban a method for `ban_seconds` when the limit is exceeded, which clears its sum.
    """

    def __init__(self) -> None:
        self.profile: OperatingProfile = "2026-05"
        self.seconds = 480.0
        self.ban_seconds = 0.0
        self.batch_weight = 0.0
        """The share of a batch's time that is counted as time of the method ``batch``."""
        self.commands_billed_to: Literal["credential", "portal", "nobody"] = "credential"
        """Whose operating time a webhook's commands inside a batch are: the webhook's, that of all webhooks of the
        portal together, or nobody's. Commands of applications are the application's own, unless nobody's."""
        self._basket_seconds: float = BASKET_SECONDS
        self.enabled = True
        self.refused = 0
        self.bans = 0
        self._baskets: dict[tuple[str, str], deque[tuple[int, float]]] = {}
        self._banned_until: dict[tuple[str, str], float] = {}

    def set_profile(self, profile: OperatingProfile) -> None:
        """Set the figures of a version of the limit.

        :raises ValueError: when there is no such profile.
        """
        if profile not in PROFILES:
            raise ValueError(f"there is no profile {profile!r}; there are {', '.join(PROFILES)}")
        self.profile = profile
        for name, value in PROFILES[profile].items():
            setattr(self, name, value)

    def command_account(self, credential: str) -> str | None:
        """Whose operating time the commands in a batch of `credential` are; ``None`` for nobody's."""
        if self.commands_billed_to == "nobody":
            return None
        common = self.commands_billed_to == "portal" and credential.startswith("webhook:")
        return _COMMON_ACCOUNT if common else credential

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
            self.bans += 1
            self._banned_until[key] = now + self.ban_seconds
            self._baskets.pop(key, None)
        self.refused += 1
        return True

    def clear(self) -> None:
        """Forget all operating time."""
        self._baskets.clear()
        self._banned_until.clear()
        self.refused = self.bans = 0

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
    """The operating time of one HTTP request, by method; :meth:`finish` adds it to the baskets.

    :param method: the method that was called; commands inside a batch may be another account's than the batch itself.
    """

    __slots__ = ("_command_account", "_credential", "_is_batch", "_limit", "_spent")

    def __init__(self, limit: OperatingLimit, credential: str, method: str) -> None:
        self._limit = limit
        self._credential = credential
        self._is_batch = method == BATCH
        self._command_account = limit.command_account(credential) if self._is_batch else credential
        self._spent: dict[str, tuple[float, float]] = {}

    def blocked(self, method: str, now: float) -> bool:
        """Whether a call of `method` is refused now."""
        account = self._account(method)
        return account is not None and self._limit.blocked(account, method, self._counted(method), now)

    def spend(self, method: str, seconds: float) -> None:
        """Add the seconds of one execution."""
        total, counted = self._spent.get(method, (0.0, 0.0))
        self._spent[method] = (total + seconds, counted + seconds if seconds > COUNTED_FROM else counted)

    def spend_batch(self, seconds: float) -> None:
        """Add the seconds that a whole batch took, where the portal counts them."""
        if self._is_batch and self._limit.batch_weight:
            self.spend(BATCH, seconds * self._limit.batch_weight)

    def times(self, method: str, now: float) -> tuple[float, int] | None:
        """`operating` and `operating_reset_at` as responses show them; ``None`` without the limit."""
        limit = self._limit
        if not limit.enabled:
            return None
        account = self._account(method) or ""
        operating = limit.operating(account, method, now) + self._counted(method)
        return operating, limit.reset_at(account, method, now)

    def finish(self, now: float) -> None:
        """Add the operating time of this request to the baskets."""
        for method, (total, _) in self._spent.items():
            account = self._account(method)
            if account is not None:
                self._limit.spend(account, method, total, now)
        self._spent.clear()

    def _account(self, method: str) -> str | None:
        return self._credential if method == BATCH else self._command_account

    def _counted(self, method: str) -> float:
        return self._spent[method][1] if method in self._spent else 0.0
