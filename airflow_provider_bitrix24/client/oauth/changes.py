"""How what is kept of a pair may be changed. Pure.

Only a process that holds a new pair writes a pair, and only one that is about to ask for a pair writes a claim.
Otherwise an old pair could be written over a new one: B reads, A refreshes and stores, B writes its claim and the old
pair.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.oauth.pair import Pair
    from airflow_provider_bitrix24.client.oauth.token_store import Claim, Kept

CLAIM_SECONDS = 60.0
"""Seconds after which somebody else's claim is overruled; the server has answered by then, or never will."""
_ANCIENT = 10 * CLAIM_SECONDS
"""The same by two clocks that may differ."""


@dataclass(frozen=True, slots=True)
class Claiming:
    """Announce that a pair is refreshed now, unless somebody else has done so or has refreshed it.

    :param overruled: a claim of somebody else's that counts no more.
    """

    claim: Claim
    overruled: Claim | None = None

    def __call__(self, kept: Kept) -> Kept:
        """Change what is kept."""
        if kept.pair is None or kept.pair.fingerprint != self.claim.pair or self.yields_to(kept.claim):
            return kept
        return replace(kept, claim=self.claim)

    def yields_to(self, other: Claim | None) -> bool:
        """Whether somebody else is refreshing the same pair."""
        if other is None or other.pair != self.claim.pair or other == self.overruled:
            return False
        # The process that asks holds the machine's lock, so a claim of this host was left by a process that is dead.
        return other.host != self.claim.host and abs(self.claim.at - other.at) < _ANCIENT


@dataclass(frozen=True, slots=True)
class Releasing:
    """Withdraw a claim after a refusal that used nothing up."""

    claim: Claim

    def __call__(self, kept: Kept) -> Kept:
        """Change what is kept."""
        return replace(kept, claim=None) if kept.claim == self.claim else kept


@dataclass(frozen=True, slots=True)
class Storing:
    """Store a new pair, but never over somebody else's that expires later, nor over one of another portal.

    :param replaces: the fingerprint of the pair that it replaces. Nobody needs that one any more, however late it
        expires: a server's clock may have been put back.
    """

    pair: Pair
    replaces: str

    def __call__(self, kept: Kept) -> Kept:
        """Change what is kept."""
        if kept.pair is not None and (of_another_portal(kept.pair, self.pair) or self._yields_to(kept.pair)):
            return kept
        return replace(kept, pair=self.pair)

    def _yields_to(self, other: Pair) -> bool:
        return other.fingerprint != self.replaces and other.expires > self.pair.expires


def of_another_portal(one: Pair, other: Pair) -> bool:
    """Whether two pairs certainly belong to two portals."""
    return bool(one.member_id and other.member_id) and one.member_id != other.member_id


def replacement(kept: Kept, failed: Pair, *, now: float) -> Pair | None:
    """The kept pair where it can replace one that has failed.

    :param now: seconds since the epoch.
    """
    pair = kept.pair
    if pair is None or pair.fingerprint == failed.fingerprint or _is_older(pair, failed):
        return None
    return None if pair.has_expired(now) else pair


def _is_older(pair: Pair, other: Pair) -> bool:
    # By both clocks: the server's may have been put back, and those of two hosts may differ.
    return pair.expires < other.expires and pair.stored_at <= other.stored_at
