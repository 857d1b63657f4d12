"""Keeps an application's tokens in the store that several hosts share, encrypted.

The store itself is plain text, so the pair is encrypted with a key that is derived from the application's secret. Claim
and pair change in one step, so that exactly one process refreshes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.oauth.pair import Pair
from airflow_provider_bitrix24.client.oauth.token_store import Claim, Kept

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_bitrix24.client.stores.protocol import JsonValue, SharedStore

_PURPOSE = b"airflow-provider-bitrix24 pair of tokens, form 1"


class SharedTokenStore:
    """A :class:`~.token_store.TokenStore` in a :class:`~..stores.protocol.SharedStore`.

    :param key: names portal and application; no secret.
    :param secret: the application's secret.
    """

    atomic = True

    def __init__(self, store: SharedStore, *, key: str, secret: str) -> None:
        self.identity = f"shared {key}"
        self._store, self._key = store, f"bitrix24 tokens {key}"
        self._encryption_key = base64.urlsafe_b64encode(hmac.digest(secret.encode(), _PURPOSE, hashlib.sha256))

    def load(self) -> Kept:
        """See :meth:`~.token_store.TokenStore.load`."""
        return self._read(self._store.update(self._key, lambda value, _now: (value, value)))

    def update(self, change: Callable[[Kept], Kept]) -> Kept:
        """See :meth:`~.token_store.TokenStore.update`."""

        def changed(value: JsonValue, _now: float) -> tuple[JsonValue, Kept]:
            before = self._read(value)
            after = change(before)
            return (value if after == before else self._write(after)), after

        return self._store.update(self._key, changed)

    def _read(self, value: JsonValue) -> Kept:
        if not isinstance(value, dict):
            return Kept()
        encrypted = value.get("pair")
        pair = self._decrypt(encrypted) if isinstance(encrypted, str) else None
        return Kept(pair=pair, claim=Claim.from_record(value.get("claim")))

    def _write(self, kept: Kept) -> JsonValue:
        claim: Any = None if kept.claim is None else kept.claim.as_record()
        return {"pair": None if kept.pair is None else self._encrypt(kept.pair), "claim": claim}

    def _encrypt(self, pair: Pair) -> str:
        from cryptography.fernet import Fernet

        return Fernet(self._encryption_key).encrypt(json.dumps(pair.as_record()).encode()).decode()

    def _decrypt(self, encrypted: str) -> Pair | None:
        from cryptography.fernet import Fernet, InvalidToken

        try:
            return Pair.from_record(json.loads(Fernet(self._encryption_key).decrypt(encrypted)))
        except (ValueError, RecursionError):  # something else was encrypted
            return None
        except InvalidToken:
            raise ConfigurationError(
                "The application's tokens in the shared store cannot be decrypted: they were stored under another "
                "application secret.",
                hint="Correct Password in the connection, or authorize the application again.",
            ) from None
