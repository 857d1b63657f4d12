"""Keeps an application's tokens in the store that several hosts share, encrypted: the store itself is plain text.

Claim and pair change in one step, so that exactly one process refreshes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client.oauth.pair_cipher import PairCipher
from airflow_provider_bitrix24.client.oauth.token_store import Claim, Kept

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_bitrix24.client.oauth.pair import Pair
    from airflow_provider_bitrix24.client.stores.protocol import JsonValue, SharedStore


class SharedTokenStore:
    """A :class:`~.token_store.TokenStore` in a :class:`~..stores.protocol.SharedStore`.

    :param key: names portal and application; no secret.
    :param secret: the application's secret.
    """

    atomic = True

    def __init__(self, store: SharedStore, *, key: str, secret: str) -> None:
        self.identity = f"shared {key}"
        self._store, self._key = store, f"bitrix24 tokens {key}"
        self._cipher = PairCipher(secret)

    def load(self) -> Kept:
        """See :meth:`~.token_store.TokenStore.load`."""
        return self._store.update(self._key, lambda value, _now: (value, _read(value, self._cipher.decrypt)))

    def update(self, change: Callable[[Kept], Kept]) -> Kept:
        """See :meth:`~.token_store.TokenStore.update`."""

        def changed(value: JsonValue, _now: float) -> tuple[JsonValue, Kept]:
            before = _read(value, self._cipher.decrypt_own)
            after = change(before)
            if after == before:
                return value, after
            encrypted = _encrypted(value) if after.pair == before.pair else None
            if encrypted is None and after.pair is not None:
                encrypted = self._cipher.encrypt(after.pair)
            claim: Any = None if after.claim is None else after.claim.as_record()
            return {"pair": encrypted, "claim": claim}, after

        return self._store.update(self._key, changed)


def _read(value: JsonValue, decrypt: Callable[[str], Pair | None]) -> Kept:
    if not isinstance(value, dict):
        return Kept()
    encrypted = _encrypted(value)
    return Kept(pair=None if encrypted is None else decrypt(encrypted), claim=Claim.from_record(value.get("claim")))


def _encrypted(value: JsonValue) -> str | None:
    encrypted = value.get("pair") if isinstance(value, dict) else None
    return encrypted if isinstance(encrypted, str) else None
