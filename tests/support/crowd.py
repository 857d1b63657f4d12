"""Hosts that share an address but no store, as far as the request limit sees them: their buckets and the portal's.

Neither requests nor entities are made, so that hundreds of such crowds take a second. A firing as a whole is in
:mod:`scripts.virtual_hosts`.
"""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.limits.bucket import BucketState, LeakyBucket
from airflow_provider_bitrix24.client.settings import PLANS
from airflow_provider_bitrix24.simulator.portal.limits import RequestLimit

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUND = 4
"""Requests that a host sends together once it knows what they cost; the first two go alone."""
TRAVEL, WORK = 0.01, 0.27
"""Seconds that a request takes to the portal, and there."""


@dataclass
class Crowd:
    """Some hosts with so many requests each, which all begin at about the same time."""

    hosts: int
    requests: int
    seed: int
    seconds: float = 0.0
    """From the first request to the last answer."""
    refused_in_a_row: int = 0
    """How many rounds of one host were refused in a row, at most."""
    portal: RequestLimit = field(default_factory=RequestLimit)
    _bucket: LeakyBucket = field(default_factory=lambda: LeakyBucket(*PLANS["standard"]))

    def __post_init__(self) -> None:
        self.portal.drain, self.portal.refused_count = "steps", True
        self._random = random.Random(self.seed).random  # noqa: S311

    def run(self) -> None:
        """Let all hosts send all of their requests."""
        order = count()
        hosts = [self._host(0.3 * self._random()) for _ in range(self.hosts)]
        moments = [(next(host), next(order), host) for host in hosts]
        heapq.heapify(moments)
        begun = moments[0][0]
        while moments:
            now, _, host = heapq.heappop(moments)
            self.seconds = now - begun
            following = next(host, None)
            if following is not None:
                heapq.heappush(moments, (following, next(order), host))

    def _host(self, now: float) -> Iterator[float]:
        """One host: yields the moments at which it does something next."""
        state, sent, refused, in_a_row = BucketState(), 0, 0, 0
        while sent < self.requests:
            if refused:
                state = self._bucket.refused(state, now, refused)
            state, grant = self._bucket.acquire(state, now, min(ROUND, self.requests - sent) if sent > 1 else 1)
            now += grant.wait * (0.9 + 0.8 * self._random() if refused else 1.0) + TRAVEL
            yield now
            accepted = sum(self.portal.admit("here", now) for _ in range(grant.count))
            sent, refused = sent + accepted, grant.count - accepted
            in_a_row = 0 if accepted else in_a_row + 1
            self.refused_in_a_row = max(self.refused_in_a_row, in_a_row)
            now += TRAVEL + (WORK if accepted else 0.0)
            yield now
            now += 0.5 + 0.5 * self._random() if refused else 0.0
