"""Hosts that share an address, with or without a store, as far as the request limit sees them: buckets alone.

Neither requests nor entities are made, so that hundreds of such crowds take a second. A firing as a whole is in
:mod:`scripts.virtual_hosts`.
"""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field
from itertools import count
from math import ceil
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.limits.bucket import BucketState, Grant, LeakyBucket
from airflow_provider_bitrix24.client.settings import PLANS
from airflow_provider_bitrix24.simulator.portal.limits import RequestLimit

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUND = 4
"""Requests that a host sends together once it knows what they cost; the first two go alone."""
BEGIN = 10.0
WORK = 0.27
"""Seconds that the portal works on a request."""


@dataclass
class Crowd:
    """Some hosts with so many requests each, which all begin at about the same time.

    :param share: whether they share a store.
    :param travel: seconds that a request or an answer is under way, at most; different for each.
    """

    hosts: int
    requests: int
    seed: int
    share: bool = False
    travel: float = 0.01
    seconds: float = 0.0
    """From the first request to the last answer."""
    refused_in_a_row: int = 0
    """How many rounds of one host were refused in a row, at most."""
    portal: RequestLimit = field(default_factory=RequestLimit)
    _bucket: LeakyBucket = field(default_factory=lambda: LeakyBucket(*PLANS["standard"]))

    def __post_init__(self) -> None:
        self.portal.drain, self.portal.refused_count = "steps", True
        self._random = random.Random(self.seed).random  # noqa: S311
        self._states: dict[int, BucketState] = {}

    def run(self) -> None:
        """Let all hosts send all of their requests."""
        order = count()
        hosts = [self._host(0 if self.share else number, BEGIN + 0.3 * self._random()) for number in range(self.hosts)]
        moments = [(next(host), next(order), host) for host in hosts]
        heapq.heapify(moments)
        begun = moments[0][0]
        while moments:
            now, _, host = heapq.heappop(moments)
            self.seconds = now - begun
            following = next(host, None)
            if following is not None:
                heapq.heappush(moments, (following, next(order), host))

    @property
    def floor(self) -> float:
        """Seconds that the portal's limit forces on anybody, and that the last request takes."""
        spare = self.hosts * self.requests - self.portal.capacity
        leaks = max(0.0, spare / self.portal.per_second)
        return (ceil(leaks) if self.portal.drain == "steps" else leaks) + WORK

    def _host(self, store: int, now: float) -> Iterator[float]:
        """One host: yields the moments at which it does something next."""
        sent, refused, in_a_row, answered = 0, 0, 0, None
        while sent < self.requests:
            yield now
            grant = self._acquire(store, now, min(ROUND, self.requests - sent) if sent > 1 else 1, refused, answered)
            now += grant.wait * (0.9 + 0.8 * self._random() if refused else 1.0)
            answered = now
            now += self.travel * self._random()
            yield now
            accepted = sum(self.portal.admit("here", now) for _ in range(grant.count))
            sent, refused = sent + accepted, grant.count - accepted
            in_a_row = 0 if accepted else in_a_row + 1
            self.refused_in_a_row = max(self.refused_in_a_row, in_a_row)
            now += (WORK if accepted else 0.0) + self.travel * self._random()
            yield now
            now += 0.5 + 0.5 * self._random() if refused else 0.0

    def _acquire(self, store: int, now: float, want: int, refused: int, answered: float | None) -> Grant:
        state = self._states.get(store, BucketState(at=now, filled_from=now))
        if refused:
            state = self._bucket.refused(state, now, refused)
        self._states[store], grant = self._bucket.acquire(state, now, want, answered)
        return grant
