"""Hosts that share a store which cannot be used for a while: a crowd (:mod:`.crowd`) with pacers and real fallbacks."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_bitrix24.client.errors import SharedStoreError
from airflow_provider_bitrix24.client.stores.fallback import FallbackStore
from airflow_provider_bitrix24.client.stores.pacer import Pacer
from airflow_provider_bitrix24.client.stores.process import ProcessStore
from tests.support.clock import VirtualClock
from tests.support.crowd import Crowd

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_bitrix24.client.limits.bucket import Grant
    from airflow_provider_bitrix24.client.stores.protocol import JsonValue

T = TypeVar("T")
AHEAD = 5e8
"""Seconds by which the store's clock differs from that of the hosts."""


@dataclass(kw_only=True)
class CrowdWithOutage(Crowd):
    """A crowd whose store is out of order from ``begin`` on.

    :param begin: seconds of the crowd's clock, which starts at 10.
    :param lasts: seconds that it is out of order.
    :param loses: whether it comes back empty.
    :param missed: part of all other calls that take too long.
    """

    begin: float = 20.0
    lasts: float = 20.0
    loses: bool = False
    missed: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._clock = VirtualClock(0.0)
        self._store = _Store(self, self._clock)
        self._pacers = [self._pacer(f"host {number}") for number in range(self.hosts)]

    def _pacer(self, name: str) -> Pacer:
        store = FallbackStore(self._store, clock=self._clock)
        return Pacer(store=store, key="portal", bucket=self._bucket, taker=lambda: name)

    def _acquire(self, store: int, now: float, want: int, refused: int, answered: float | None) -> Grant:
        self._clock.now = now
        return self._pacers[store].acquire(want, refused, None if answered is None else now - answered)


class _Store(ProcessStore):
    def __init__(self, crowd: CrowdWithOutage, clock: VirtualClock) -> None:
        super().__init__(lambda: clock() + AHEAD)
        self._crowd, self._time = crowd, clock
        self._random = random.Random(crowd.seed).random  # noqa: S311

    def update(self, key: str, change: Callable[[JsonValue, float], tuple[JsonValue, T]]) -> T:
        crowd = self._crowd
        if crowd.begin <= self._time() < crowd.begin + crowd.lasts:
            if crowd.loses:
                self._kept.clear()
            raise SharedStoreError("Out of order.")
        if self._random() < crowd.missed:
            raise SharedStoreError("No answer within 1 s.")
        return super().update(key, change)
