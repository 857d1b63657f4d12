"""Keeps a portal's shared states in a store: its bucket, and what its commands cost.

How much may be taken, and who measures, is decided in :mod:`..limits`.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from math import isfinite
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.limits.bucket import BucketState, Grant
from airflow_provider_bitrix24.client.limits.cost import CostState, SharedCost, share_cost

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.limits.bucket import LeakyBucket
    from airflow_provider_bitrix24.client.stores.protocol import PacingStore, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Pacer:
    """One portal's states in a store. ``bucket`` is ``None`` where the portal has no request limit."""

    store: PacingStore
    key: str
    bucket: LeakyBucket | None

    def acquire(self, want: int, refused: int) -> Grant:
        """Report refused requests and take tokens; see :meth:`..limits.bucket.LeakyBucket.acquire`."""
        bucket = self.bucket
        if bucket is None:
            return Grant(want, 0.0)

        def change(kept: State) -> tuple[State, Grant]:
            now = self.store.now()
            state = BucketState(*kept) if _usable(kept, BucketState) else BucketState(at=now)
            for _ in range(refused):
                state = bucket.refused(state, now)
            state, grant = bucket.acquire(state, now, want)
            return astuple(state), grant

        return self.store.update(self.key, change)

    def share_cost(self, name: str, measured: float | None) -> SharedCost:
        """Exchange what a command costs with other processes; see :func:`..limits.cost.share_cost`."""

        def change(kept: State) -> tuple[State, SharedCost]:
            state = CostState(*kept) if _usable(kept, CostState) else CostState()
            state, shared = share_cost(state, self.store.now(), measured)
            return astuple(state), shared

        return self.store.update(f"{self.key} cost {name}", change)


def _usable(kept: State, kind: type[BucketState | CostState]) -> bool:
    # Another version of this package may have written another state, and anybody on the machine may write the file.
    return len(kept) == len(fields(kind)) and all(map(isfinite, kept)) and (kind is CostState or kept[2] > 0)
