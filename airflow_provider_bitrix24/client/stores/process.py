"""A store for one process: tests and portals without a request limit need no other."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_bitrix24.client.locks import ThreadsLock
from airflow_provider_bitrix24.client.stores.record import apply

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_bitrix24.client.stores.protocol import JsonValue

T = TypeVar("T")


class ProcessStore:
    """Values of this process only, shared by its threads. Times are of the machine's monotonic clock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = ThreadsLock()
        self._kept: dict[str, str] = {}

    def update(self, key: str, change: Callable[[JsonValue, float], tuple[JsonValue, T]]) -> T:
        """See :meth:`~.protocol.SharedStore.update`."""
        with self._lock:
            self._kept[key], answer = apply(self._kept.get(key), self._clock(), change)
        return answer


PROCESS_STORE = ProcessStore()
"""The values of this process."""
