"""Keeps a portal's shared states in a store: its bucket, and what its commands cost.

How much may be taken, and who measures, is decided in :mod:`..limits`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.limits.bucket import BucketState, Grant
from airflow_provider_bitrix24.client.limits.cost import CostState, SharedCost, share_cost
from airflow_provider_bitrix24.client.limits.working_time import WorkingTimeClaim, WorkingTimeGrant, share_working_time
from airflow_provider_bitrix24.client.stores.fallback import FallbackStore
from airflow_provider_bitrix24.client.stores.state import dump_state, finite, load_state
from airflow_provider_bitrix24.client.stores.takers import MOST, count_others, note_taker
from airflow_provider_bitrix24.client.stores.working_time import dump_working_time, load_working_time
from airflow_provider_bitrix24.client.values import WINDOW

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.limits.bucket import LeakyBucket
    from airflow_provider_bitrix24.client.limits.operating import Knowledge
    from airflow_provider_bitrix24.client.stores.protocol import JsonValue, SharedStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Pacer:
    """One portal's states in a store. ``bucket`` is ``None`` where the portal has no request limit."""

    store: SharedStore
    key: str
    bucket: LeakyBucket | None

    def acquire(self, want: int, refused: int, answered_ago: float | None = None) -> Grant:
        """Report refused requests and take tokens; see :meth:`..limits.bucket.LeakyBucket.acquire`.

        :param answered_ago: seconds since the caller sent the last request that was answered.
        """
        whole = self.bucket
        if whole is None:
            return Grant(want, 0.0)

        def change(kept: JsonValue, now: float) -> tuple[JsonValue, Grant]:
            part = self._part(kept, now)
            bucket = replace(whole, rate=whole.rate * part)
            state = load_state(kept, BucketState) or self._unknown(bucket, now)
            if part < 1 or _part_of(kept) < 1:
                state = _scaled(state, bucket, part / _part_of(kept)).without_leaks()
            if refused:
                state = bucket.refused(state, now, refused)
            answered = None if answered_ago is None else now - answered_ago
            state, grant = bucket.acquire(state, now, want, answered)
            takers = note_taker(kept, now, grant.count)
            return {**dump_state(state), "takers": takers, **({"part": part} if part < 1 else {})}, grant

        return self.store.update(self.key, change)

    def _part(self, kept: JsonValue, now: float) -> float:
        """Return which part of the bucket is this process's: all, unless it cannot ask the others that it has seen."""
        alone = isinstance(self.store, FallbackStore) and self.store.alone
        return 1 / (1 + count_others(kept, now)) if alone else 1.0

    def _unknown(self, bucket: LeakyBucket, now: float) -> BucketState:
        """Return the bucket that nobody has used, or one that others may have filled where they cannot be asked."""
        blind = isinstance(self.store, FallbackStore) and self.store.blind
        return BucketState(bucket.capacity, now) if blind else BucketState(at=now, filled_from=now)

    def share_cost(self, name: str, measured: float | None) -> SharedCost:
        """Exchange what a command costs with other processes; see :func:`..limits.cost.share_cost`."""

        def change(kept: JsonValue, now: float) -> tuple[JsonValue, SharedCost]:
            state = load_state(kept, CostState)
            if state is None or state.seconds > WINDOW:
                state = CostState()
            state, shared = share_cost(state, now, measured)
            return dump_state(state), shared

        return self.store.update(f"{self.key} cost {name}", change)

    def share_working_time(self, credential: str, report: Knowledge, claim: WorkingTimeClaim) -> WorkingTimeGrant:
        """Exchange what is known about the working time of a credential, and hold some of it.

        Times of the report and of what is returned are seconds from now on.
        See :func:`..limits.working_time.share_working_time`.
        """

        def change(kept: JsonValue, now: float) -> tuple[JsonValue, WorkingTimeGrant]:
            state = load_working_time(kept, now)
            state, granted = share_working_time(state, now, report.shifted(now), claim)
            return dump_working_time(state, now), replace(granted, known=granted.known.shifted(-now))

        return self.store.update(f"{self.key} working time {credential}", change)


def _part_of(kept: JsonValue) -> float:
    """Return the part of the bucket for which a state was kept."""
    part = finite(kept.get("part")) if isinstance(kept, dict) else None
    return part if part is not None and 1 / MOST <= part <= 1 else 1.0


def _scaled(state: BucketState, bucket: LeakyBucket, factor: float) -> BucketState:
    """Divide among processes both the room in a bucket and the requests that wait for room, or put them together."""
    level = bucket.capacity + (state.level - bucket.capacity) * factor
    return state if factor == 1.0 else replace(state, level=max(0.0, level))
