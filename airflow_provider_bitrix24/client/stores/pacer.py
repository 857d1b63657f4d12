"""Keeps a portal's shared states in a store: its bucket, and what its commands cost.

How much may be taken, and who measures, is decided in :mod:`..limits`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.limits.bucket import BucketState, Grant
from airflow_provider_bitrix24.client.limits.cost import CostState, SharedCost, share_cost
from airflow_provider_bitrix24.client.limits.working_time import WorkingTimeClaim, WorkingTimeGrant, share_working_time
from airflow_provider_bitrix24.client.stores.fallback import FallbackStore
from airflow_provider_bitrix24.client.stores.part import (
    carry,
    kept_part,
    leave,
    own_part,
    part_of_present,
    reunite,
    suspect,
)
from airflow_provider_bitrix24.client.stores.state import dump_state, load_state
from airflow_provider_bitrix24.client.stores.takers import count_others, note_taker, this_process
from airflow_provider_bitrix24.client.stores.working_time import dump_working_time, load_working_time
from airflow_provider_bitrix24.client.values import WINDOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_bitrix24.client.limits.bucket import LeakyBucket
    from airflow_provider_bitrix24.client.limits.operating import Knowledge
    from airflow_provider_bitrix24.client.stores.protocol import JsonValue, SharedStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Pacer:
    """One portal's states in a store. ``bucket`` is ``None`` where the portal has no request limit."""

    store: SharedStore
    key: str
    bucket: LeakyBucket | None
    taker: Callable[[], str] = field(default=this_process)
    """The name by which others see who takes."""

    def acquire(self, want: int, refused: int, answered_ago: float | None = None) -> Grant:
        """Report refused requests and take tokens; see :meth:`..limits.bucket.LeakyBucket.acquire`.

        :param answered_ago: seconds since the caller sent the last request that was answered.
        """
        whole = self.bucket
        if whole is None:
            return Grant(want, 0.0)

        def change(kept: JsonValue, now: float) -> tuple[JsonValue, Grant]:
            own, fallback = self.taker(), self._fallback
            alone = fallback is not None and fallback.alone
            if refused and not alone and fallback is not None and fallback.of_many_hosts:
                kept = suspect(kept, whole, now, own)
            bucket, state = self._ours(whole, kept, now, own, alone=alone)
            if refused:
                state = bucket.refused(state, now, refused)
            state, grant = bucket.acquire(state, now, want, None if answered_ago is None else now - answered_ago)
            takers, marks = note_taker(kept, now, grant.count, own), carry(kept, now, bucket.part, alone=alone)
            return {**dump_state(state), "takers": takers, **marks}, grant

        if self._fallback is None:
            return self.store.update(self.key, change)
        return self._fallback.update(self.key, change, reunite=self._reunite)

    def _ours(
        self, whole: LeakyBucket, kept: JsonValue, now: float, own: str, *, alone: bool
    ) -> tuple[LeakyBucket, BucketState]:
        """Return the part of the bucket that is ours now, and how full it is."""
        before, part = kept_part(kept), (own_part if alone else part_of_present)(kept, now, own)
        seen = self._fallback is not None and self._fallback.of_many_hosts
        others = count_others(kept, now, own) if seen else 0
        bucket = replace(whole, others=others, part=part)
        state = load_state(kept, BucketState) or self._unknown(bucket, now)
        if alone and part < before == 1:
            state = leave(state, whole, now, part)
        if part < 1 or before < 1:
            state = bucket.divided(state, before).without_leaks()
        return bucket, state

    def _reunite(self, theirs: JsonValue, mine: JsonValue, now: float) -> JsonValue:
        return reunite(theirs, mine, now, self.taker())

    def _unknown(self, bucket: LeakyBucket, now: float) -> BucketState:
        """Return the bucket that nobody has used, or one that others may have filled where they cannot be asked."""
        blind = self._fallback is not None and self._fallback.blind
        return BucketState(bucket.capacity, now) if blind else BucketState(at=now, filled_from=now)

    @property
    def _fallback(self) -> FallbackStore | None:
        return self.store if isinstance(self.store, FallbackStore) else None

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
