"""Which part of a portal's bucket belongs to a process while others that use it cannot use the store. Pure.

While a store cannot be used, each process paces alone, at an equal part of the rate. Processes return to the store one
after the other, so those that are back leave the others their parts for a while.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.limits.bucket import BucketState
from airflow_provider_bitrix24.client.stores.state import finite, load_state
from airflow_provider_bitrix24.client.stores.takers import ACTIVE, MOST, count_others, read_takers

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.limits.bucket import LeakyBucket
    from airflow_provider_bitrix24.client.stores.protocol import JsonValue

AWAY = 90.0
"""Seconds after which a process that paces alone has returned or ended: it tries once a minute, when it sends."""
_ABSENT_AFTER = 10.0
"""Seconds, beyond the wait for the bucket, after which a process that takes no more may be pacing alone."""


def own_part(kept: JsonValue, now: float, own: str) -> float:
    """Return the part of the process ``own``, which cannot ask the others that it has seen."""
    return 1 / (1 + count_others(kept, now, own))


def part_of_present(kept: JsonValue, now: float, own: str) -> float:
    """Return the part of the processes that use the store: all of the bucket, unless others pace alone."""
    since = _away_since(kept, now)
    if since is None:
        return 1.0
    present, away = 1, 0
    for name, (at, _) in read_takers(kept, now):
        if name != own:
            present += at > since
            away += since - ACTIVE <= at <= since
    return max(1 / MOST, present / (present + away))


def kept_part(kept: JsonValue) -> float:
    """Return the part of the bucket for which a state was kept."""
    part = finite(kept.get("part")) if isinstance(kept, dict) else None
    return part if part is not None and 1 / MOST <= part <= 1 else 1.0


def leave(state: BucketState, bucket: LeakyBucket, now: float, part: float) -> BucketState:
    """Return the whole bucket as a process that leaves the store must expect it.

    The others continue to take their parts of what leaks, so only its own part makes room.
    """
    leaked = max(0.0, now - state.at) * bucket.rate * part
    return replace(state, level=max(0.0, state.level - leaked), at=now)


def reunite(theirs: JsonValue, mine: JsonValue, now: float, own: str) -> JsonValue:
    """Make one bucket of the store's and that of the process ``own``, which returns to the store.

    What the store holds is of before the outage where nobody has used it meanwhile. Otherwise it lacks what ``own``
    has taken, unless the others have left it a part, or were refused and have paused.
    """
    left = finite(mine.get("left")) if isinstance(mine, dict) else None
    if left is None or not isinstance(mine, dict):
        return theirs
    state = load_state(theirs, BucketState)
    takers, own_takers = dict(read_takers(theirs, now)), dict(read_takers(mine, now))
    if not isinstance(theirs, dict) or state is None or state.at <= left:
        known = {**own_takers, **takers, **({own: own_takers[own]} if own in own_takers else {})}
        return {**mine, "takers": {name: [*each] for name, each in known.items()}, "away": [left, now + AWAY]}
    last, counted = takers.get(own, (now, 0))
    taken = own_takers.get(own, (now, 0))[1] - counted
    since = _away_since(theirs, now)
    if taken <= 0 or state.refused_at > left or (since is not None and last <= since):
        return theirs
    return {**theirs, "level": state.level + taken, "filled": state.filled + taken}


def suspect(kept: JsonValue, bucket: LeakyBucket, now: float, own: str) -> JsonValue:
    """Return a bucket of many hosts after a refusal: those that have ceased to take from it may be pacing alone."""
    state = load_state(kept, BucketState)
    if state is None or not isinstance(kept, dict) or _away_since(kept, now) is not None:
        return kept
    since = now - _ABSENT_AFTER - max(0.0, state.level - bucket.capacity) / bucket.rate
    away = any(name != own and since - ACTIVE <= at <= since for name, (at, _) in read_takers(kept, now))
    return {**kept, "away": [since, now + AWAY]} if away else kept


def carry(kept: JsonValue, now: float, part: float, *, alone: bool) -> dict[str, JsonValue]:
    """Return what is kept beside a bucket's state: its part, which others are away, since when one is alone."""
    marks: dict[str, JsonValue] = {"part": part} if part < 1 else {}
    kept = kept if isinstance(kept, dict) else {}
    if alone:
        marks["left"] = kept.get("left", now)
    elif part < 1:
        marks["away"] = kept.get("away")
    return marks


def _away_since(kept: JsonValue, now: float) -> float | None:
    """Return the moment since which those processes are away that have not taken after it."""
    away = kept.get("away") if isinstance(kept, dict) else None
    match away:
        case [since, until]:
            begun, ended = finite(since), finite(until)
            if begun is not None and ended is not None and begun <= now < ended <= now + AWAY:
                return begun
    return None
