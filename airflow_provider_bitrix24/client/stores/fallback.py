"""Paces alone while the shared store cannot be used, so that no request fails or waits for it."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakValueDictionary

from airflow_provider_bitrix24.client.errors import SharedStoreError
from airflow_provider_bitrix24.client.locks import ThreadsLock
from airflow_provider_bitrix24.client.stores.file import FileStore
from airflow_provider_bitrix24.client.values import WINDOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_bitrix24.client.stores.protocol import JsonValue, SharedStore

T = TypeVar("T")
LOG = logging.getLogger("airflow_provider_bitrix24.client")
RETRY_AFTER = 60.0
"""Seconds after which a store that could not be used is tried again."""


@dataclass(frozen=True, slots=True)
class _Seen:
    value: JsonValue
    at: float
    """The store's time when this process last saw or changed the value."""
    alone: bool = False
    """Whether it was changed since the store could be used."""


class FallbackStore:
    """A shared store, or values of this process alone while that one cannot be used.

    Only for values that a process can do without, as those of pacing: two processes can each have a value of their own.
    This process continues from what it last saw in the store, also where the store has since lost it.

    :param store: the shared store.
    :param clock: monotonic seconds.
    """

    def __init__(self, store: SharedStore, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.store = store
        self._clock = clock
        self._lock = ThreadsLock()
        self._mine = threading.local()
        self._retry_at: float | None = None
        self._offset = 0.0
        self._seen: dict[str, _Seen] = {}

    def update(
        self,
        key: str,
        change: Callable[[JsonValue, float], tuple[JsonValue, T]],
        *,
        reunite: Callable[[JsonValue, JsonValue, float], JsonValue] | None = None,
    ) -> T:
        """See :meth:`~.protocol.SharedStore.update`. Never raises :class:`SharedStoreError`.

        :param reunite: makes one of the store's value and that of this process when it returns; by default, the
            store's counts unless it is lost.
        """
        if not self._may_ask():
            return self._update_alone(key, change)

        def change_and_note(value: JsonValue, now: float) -> tuple[JsonValue, tuple[_Seen, T]]:
            mine = self._remembered(key, now)
            if mine is not None and mine.alone and reunite is not None:
                value = reunite(value, mine.value, now)
            elif value is None and mine is not None:
                value = mine.value
            changed, answer = change(value, now)
            return changed, (_Seen(changed, now), answer)

        try:
            seen, answer = self.store.update(key, change_and_note)
        except SharedStoreError as error:
            self._leave(error)
            return self._update_alone(key, change)
        self._return(key, seen)
        return answer

    @property
    def alone(self) -> bool:
        """Whether the change that this thread makes is of this process's own value."""
        return getattr(self._mine, "alone", False)

    @property
    def blind(self) -> bool:
        """Whether this process paces alone although other hosts are likely to use the portal, too."""
        return self._retry_at is not None and self.of_many_hosts

    @property
    def of_many_hosts(self) -> bool:
        """Whether the store is made for all hosts that share an address, and not for one machine."""
        return not isinstance(self.store, FileStore)

    def _may_ask(self) -> bool:
        with self._lock:
            if self._retry_at is None:
                return True
            now = self._clock()
            if now < self._retry_at:
                return False
            self._retry_at = now + RETRY_AFTER  # the others continue alone while this one tries
            return True

    def _remembered(self, key: str, now: float) -> _Seen | None:
        """Return what this process saw last, for as long as it can matter."""
        seen = self._seen.get(key)
        return seen if seen is not None and abs(now - seen.at) <= WINDOW else None

    def _update_alone(self, key: str, change: Callable[[JsonValue, float], tuple[JsonValue, T]]) -> T:
        with self._lock:
            seen = self._seen.get(key, _Seen(None, 0.0))
            now = max(seen.at, self._clock() + self._offset)
            self._mine.alone = True
            try:
                value, answer = change(seen.value, now)
            finally:
                self._mine.alone = False
            self._seen[key] = _Seen(value, now, alone=True)
        return answer

    def _leave(self, error: SharedStoreError) -> None:
        with self._lock:
            first, self._retry_at = self._retry_at is None, self._clock() + RETRY_AFTER
        if first:
            LOG.warning(
                "The request limit is not shared with other processes at the moment. %s This process paces alone and "
                "tries again every %.0f s.",
                error,
                RETRY_AFTER,
            )

    def _return(self, key: str, seen: _Seen) -> None:
        with self._lock:
            again, self._retry_at = self._retry_at is not None, None
            self._seen[key] = seen
            self._offset = seen.at - self._clock()
        if again:
            LOG.info("The request limit is shared with other processes again, by %s.", self.store)


_KNOWN: WeakValueDictionary[int, FallbackStore] = WeakValueDictionary()
_KNOWN_LOCK = ThreadsLock()


def with_fallback(store: SharedStore, *, clock: Callable[[], float] = time.monotonic) -> FallbackStore:
    """Return what all clients of this process that use a store have in common, so that they warn and retry once."""
    with _KNOWN_LOCK:
        known = _KNOWN.get(id(store))  # which is its own for as long as the entry refers to it
        if known is None:
            known = _KNOWN[id(store)] = FallbackStore(store, clock=clock)
        return known
