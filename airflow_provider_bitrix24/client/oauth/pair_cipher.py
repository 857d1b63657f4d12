"""Encrypts a pair of tokens for a store whose content others may read: a shared store, a log of Airflow at DEBUG.

The key is derived from the application's secret, which every host has in its connection.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.oauth.pair import Pair
from airflow_provider_bitrix24.client.secret_text import SecretBytes

_PURPOSE = b"airflow-provider-bitrix24 pair of tokens, form 1"


class PairCipher:
    """Encrypts and decrypts pairs.

    :param secret: the application's secret.
    """

    def __init__(self, secret: str) -> None:
        # A secret with half a character is refused later, by an error that does not repeat it.
        derived = hmac.digest(secret.encode(errors="surrogatepass"), _PURPOSE, hashlib.sha256)
        self._key = SecretBytes(base64.urlsafe_b64encode(derived))

    def encrypt(self, pair: Pair) -> str:
        """Return a pair as an encrypted text."""
        from cryptography.fernet import Fernet

        return Fernet(self._key).encrypt(json.dumps(pair.as_record()).encode()).decode()

    def decrypt(self, encrypted: str) -> Pair | None:
        """Return the pair, or ``None`` if something else was encrypted.

        :raises ConfigurationError: it was encrypted under another secret.
        """
        from cryptography.fernet import Fernet, InvalidToken

        try:
            return Pair.from_record(json.loads(Fernet(self._key).decrypt(encrypted)))
        except (ValueError, RecursionError):
            return None
        except InvalidToken:
            raise ConfigurationError(
                "The application's tokens cannot be decrypted: they were stored under another application secret.",
                hint="Correct Password in the connection, or authorize the application again.",
            ) from None

    def decrypt_own(self, encrypted: str) -> Pair | None:
        """Return the pair, or ``None`` if it was encrypted under another secret: a new one may then replace it."""
        try:
            return self.decrypt(encrypted)
        except ConfigurationError:
            return None
