"""A store for one process: portals without a request limit, and tests, need no other."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_bitrix24.client.stores.protocol import State

T = TypeVar("T")


class ProcessStore:
    """States of this process only, shared by its threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._states: dict[str, State] = {}

    def now(self) -> float:
        """Seconds of this machine's monotonic clock."""
        return self._clock()

    def update(self, key: str, change: Callable[[State], tuple[State, T]]) -> T:
        """See :meth:`~.protocol.PacingStore.update`."""
        with self._lock:
            self._states[key], answer = change(self._states.get(key, ()))
        return answer


PROCESS_STORE = ProcessStore()
"""The states of this process."""
