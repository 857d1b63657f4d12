"""The command ``store``: which store processes and hosts share, whether it answers, and who uses it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.stores.state import finite
from airflow_provider_bitrix24.client.values import shown, whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_provider_bitrix24.client.stores.protocol import JsonValue

_NOTEWORTHY = 0.1
"""Seconds by which a clock differs before the difference is worth a number."""


class ListedStore(Protocol):
    """A store that can show what it keeps."""

    def entries(self) -> Mapping[str, JsonValue]:
        """Return all entries by their names."""

    def clock(self) -> float:
        """Return its clock's reading, in seconds since the epoch."""


def store_in_use() -> ListedStore:
    """Return the store that hosts share, or the files of this machine where there is none."""
    from airflow_provider_bitrix24.client.clock import SYSTEM_CLOCK
    from airflow_provider_bitrix24.client.stores.file import file_store
    from airflow_provider_bitrix24.shared_store import find_shared_store, shared_store_directory

    return find_shared_store() or file_store(shared_store_directory(), SYSTEM_CLOCK)


def create_statement(store: ListedStore) -> str:
    """Return the statement that makes a database's table.

    :raises ConfigurationError: the store is not in a database.
    """
    dialect = getattr(store, "dialect", None)
    if dialect is None:
        raise ConfigurationError(
            f"The shared store is {store}, which needs no table.",
            hint="Name a connection to a database in [bitrix24] shared_store_conn_id.",
        )
    return f"{dialect.create};"


def store_lines(store: ListedStore) -> Iterator[str]:
    """Yield what a person needs to know about a store.

    :raises SharedStoreError: it cannot be used.
    """
    yield f"Shared store: {store}"
    begun = time.time()
    clock = store.clock()
    ended = time.time()
    yield from _clock_lines(store, clock - (begun + ended) / 2, (ended - begun) / 2)
    entries = store.entries()
    buckets = {key: value for key, value in entries.items() if isinstance(value, dict) and "level" in value}
    if not buckets:
        yield "No request has been sent through it yet."
    for key, value in buckets.items():
        yield from _bucket_lines(key, value, clock)
    yield f"Other values: {len(entries) - len(buckets)}"


def _clock_lines(store: ListedStore, offset: float, error: float) -> Iterator[str]:
    from airflow_provider_bitrix24.client.stores.file import FileStore

    if isinstance(store, FileStore):
        yield "Clock: that of this machine"
        return
    close = abs(offset) < max(_NOTEWORTHY, error)
    shown = "that of this machine" if close else f"{offset:+.1f} s from that of this machine"
    yield f"Clock: {shown}; an answer takes {2 * error:.3f} s"


def _bucket_lines(key: str, value: Mapping[str, JsonValue], now: float) -> Iterator[str]:
    key = shown(key)  # names may have been written by anybody, and are printed on a terminal
    level, at, pace = (finite(value.get(name)) for name in ("level", "at", "pace"))
    if level is None or at is None:
        yield f"{key}: cannot be read"
        return
    slower = "" if pace is None or pace >= 1 else f", slowed down to {pace:.0%} after refusals"
    yield f"{key}: {level:.0f} requests in the bucket {_ago(now - at)}{slower}"
    takers = value.get("takers")
    for name, taken in (takers if isinstance(takers, dict) else {}).items():
        match taken:
            case [moment, number]:
                last, count = finite(moment), whole(number)
            case _:
                continue
        if last is not None and count is not None:
            yield f"  {shown(name)}: {count} requests, the last {_ago(now - last)}"


def _ago(seconds: float) -> str:
    return f"{max(0.0, seconds):.0f} s ago"
