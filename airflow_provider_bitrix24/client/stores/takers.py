"""Who has taken from a bucket lately: for people, and for a process that cannot ask its store any more."""

from __future__ import annotations

import os
import socket
from functools import cache
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.stores.state import finite
from airflow_provider_bitrix24.client.values import WINDOW

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.stores.protocol import JsonValue

MOST = 16
"""How many takers are kept; the latest ones."""
ACTIVE = 180.0
"""Seconds since it took last for which a process is expected to take again."""
_LONGEST_NAME = 80


def this_process() -> str:
    """Return the name by which others see this process."""
    return _name(os.getpid())


def note_taker(kept: JsonValue, now: float, count: int, name: str) -> dict[str, JsonValue]:
    """Return the takers of a bucket, with one more.

    :param kept: the bucket as it was; what cannot be read in it is left out.
    :param count: requests that the process ``name`` takes now.
    :returns: name of a process -> when it took last, and how many requests it took in all.
    """
    takers = dict(read_takers(kept, now))
    before = takers.pop(name, (0.0, 0))[1]
    latest = sorted(takers.items(), key=lambda item: item[1][0])[1 - MOST :]
    return {each: [at, taken] for each, (at, taken) in [*latest, (name, (now, before + count))]}


def count_others(kept: JsonValue, now: float, own: str) -> int:
    """Return how many processes other than ``own`` have taken from a bucket lately, of those that are kept."""
    return min(MOST - 1, sum(name != own and now - at <= ACTIVE for name, (at, _) in read_takers(kept, now)))


def read_takers(kept: JsonValue, now: float) -> list[tuple[str, tuple[float, int]]]:
    """Return the takers of a bucket that can be read: name, when it took last, how many requests it took in all."""
    takers = kept.get("takers") if isinstance(kept, dict) else None
    found = []
    for name, taken in (takers if isinstance(takers, dict) else {}).items():
        match taken:
            case [last, int() as count] if not isinstance(count, bool) and 0 <= count < 2**53:
                at = finite(last)
                if at is not None and 0 <= now - at <= WINDOW and len(name) <= _LONGEST_NAME:
                    found.append((name, (at, count)))
    return found


@cache
def _name(pid: int) -> str:
    return f"{socket.gethostname()[:60]}, process {pid}"
