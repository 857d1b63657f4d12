"""Where a bucket's level is kept, so that everything which shares an address takes from one bucket.

In process for now; the two methods of :class:`PacingStore` are all that another place has to offer. How
much may be taken is decided in :mod:`.pacing`.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from airflow_provider_bitrix24.client.pacing import BucketState, Grant, LeakyBucket

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class PacingStore(Protocol):
    """State of buckets by key, shared by all who pass the same store."""

    def now(self) -> float:
        """Seconds of a clock that all sharers agree on and that never jumps."""

    def update(self, key: str, change: Callable[[BucketState], tuple[BucketState, T]]) -> T:
        """Replace the state under ``key`` by what ``change`` makes of it, at once; return its second value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pacer:
    """One portal's bucket in a store, or no bucket where the portal has no limit."""

    store: PacingStore
    key: str
    bucket: LeakyBucket | None

    def reserve(self, want: int, refused: int) -> Grant:
        """Report refusals and take tokens; see :meth:`.pacing.LeakyBucket.reserve`."""
        bucket = self.bucket
        if bucket is None:
            return Grant(want, 0.0)

        def change(state: BucketState) -> tuple[BucketState, Grant]:
            now = self.store.now()
            for _ in range(refused):
                state = bucket.refused(state, now)
            return bucket.reserve(state, now, want)

        return self.store.update(self.key, change)


class ProcessStore:
    """Buckets of this process, shared by its threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._states: dict[str, BucketState] = {}

    def now(self) -> float:
        """Seconds of this machine's monotonic clock."""
        return self._clock()

    def update(self, key: str, change: Callable[[BucketState], tuple[BucketState, T]]) -> T:
        """See :meth:`PacingStore.update`."""
        with self._lock:
            state = self._states.get(key) or BucketState(at=self._clock())
            self._states[key], answer = change(state)
        return answer


PROCESS_STORE = ProcessStore()
"""The buckets of this process."""
