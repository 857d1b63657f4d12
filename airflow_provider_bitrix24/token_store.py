"""Where an application's tokens are kept: Airflow's Variables, the store that hosts share, or a class of your own.

Airflow can keep a pair of tokens only in Variables: connections cannot be written by tasks, and state stores are plain
text. How a refresh uses a store is in :mod:`.client.oauth.refresh`.
"""

from __future__ import annotations

import hashlib
import json
import re
from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.oauth.pair_cipher import PairCipher
from airflow_provider_bitrix24.client.oauth.token_store import Claim, Kept, TokenStore
from airflow_provider_bitrix24.compat_variables import (
    change_variables,
    database_locks_rows,
    get_variable,
    secrets_are_cached,
    set_variable,
    variable_elsewhere,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_bitrix24.client.oauth.pair import Pair
    from airflow_provider_bitrix24.client.stores.protocol import SharedStore

_KEY = re.compile(r"[A-Za-z0-9_.-]{1,150}")
_PAIR, _CLAIM = "bitrix24_token__", "bitrix24_token_claim__"
_ENCRYPTED = "gAAAA"
"""What every text of :class:`.PairCipher` begins with; anything else was not written by this package."""
_DESCRIPTION = "Tokens of a Bitrix24 application, written by airflow-provider-bitrix24. Do not edit or copy them."


def token_key(host: str, client_id: str) -> str:
    """The name under which the tokens of an application on a portal are kept.

    It does not depend on the connection's id, under which the test button's connection has a random one.
    """
    return hashlib.sha256(f"{host}\n{client_id}".encode()).hexdigest()[:16]


def open_token_store(kind: str, *, key: str, secret: str, shared_store: SharedStore | None = None) -> TokenStore:
    """The store that a connection names.

    :param kind: ``variable``, ``shared`` or the path of a class.
    :param key: from :func:`token_key`, or the connection's own.
    :param secret: the application's secret.
    :param shared_store: what hosts share, if they share anything.
    :raises ConfigurationError: there is no such store.
    """
    if not _KEY.fullmatch(key):
        raise ConfigurationError(
            "token_key holds something other than letters, digits and _ . -",
            hint="Write a short name, such as crm_app.",
        )
    if kind == "variable":
        return VariableTokenStore(key, secret=secret)
    if kind == "shared":
        return _shared(key, secret, shared_store)
    return _own_class(kind, key)


class VariableTokenStore:
    """Keeps pair and claim in two Airflow Variables.

    The pair is encrypted besides: Airflow 3 writes what tasks put into Variables to its logs at the level DEBUG.

    On Airflow 2.11 the pair's row is locked in the metadata database. Airflow 3 offers tasks no lock: a claim is then
    read back after a moment, and a race that is lost nevertheless ends with the winner's pair.

    :param key: names portal and application; no secret.
    :param secret: the application's secret.
    """

    def __init__(self, key: str, *, secret: str) -> None:
        self.identity = f"variable {key}"
        self._cipher = PairCipher(secret)
        self._pair, self._claim = f"{_PAIR}{key}", f"{_CLAIM}{key}"

    @property
    def atomic(self) -> bool:
        """See :class:`~.client.oauth.token_store.TokenStore`."""
        return database_locks_rows()

    def load(self) -> Kept:
        """See :meth:`~.client.oauth.token_store.TokenStore.load`."""
        return _read(get_variable(self._pair), get_variable(self._claim), self._cipher.decrypt)

    def update(self, change: Callable[[Kept], Kept]) -> Kept:
        """See :meth:`~.client.oauth.token_store.TokenStore.update`."""
        self._check_writable()

        def changed(kept: dict[str, str | None]) -> dict[str, str]:
            before = _read(kept[self._pair], kept[self._claim], self._cipher.decrypt_own)
            after, written = change(before), {}
            # Only what has changed is written: a claim must never put an old pair over a new one.
            if after.pair != before.pair and after.pair is not None:
                written[self._pair] = self._cipher.encrypt(after.pair)
            if after.claim != before.claim:
                written[self._claim] = json.dumps(after.claim.as_record() if after.claim else None)
            return written

        names = (self._pair, self._claim)
        if self.atomic:
            change_variables(names, changed, description=_DESCRIPTION)
        else:
            for name, value in changed({name: get_variable(name) for name in names}).items():
                set_variable(name, value, description=_DESCRIPTION)
        return self.load()

    def _check_writable(self) -> None:
        if secrets_are_cached():
            raise ConfigurationError(
                "An application's tokens are not refreshed while DAG files are parsed, where Airflow caches Variables.",
                hint="Call the portal inside a task, not at the top of a DAG file.",
            )
        for name in (self._pair, self._claim):
            backend = variable_elsewhere(name)
            if backend is not None:
                raise ConfigurationError(
                    f"The Variable {name} is defined in {backend}, which hides what tasks write, so tokens are not "
                    "refreshed: the new ones would be lost.",
                    hint="Remove it there, or set token_key in the connection.",
                )


def _read(pair: str | None, claim: str | None, decrypt: Callable[[str], Pair | None]) -> Kept:
    encrypted = pair if pair is not None and pair.startswith(_ENCRYPTED) else None
    return Kept(pair=None if encrypted is None else decrypt(encrypted), claim=Claim.from_record(_json(claim)))


def _json(text: str | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return None


def _shared(key: str, secret: str, shared_store: SharedStore | None) -> TokenStore:
    from airflow_provider_bitrix24.client.oauth.shared_token_store import SharedTokenStore

    if shared_store is None:
        raise ConfigurationError(
            "token_store is shared, but hosts share no store.",
            hint="Name one in shared_store_conn_id in the section [bitrix24] of Airflow's configuration.",
        )
    return SharedTokenStore(shared_store, key=key, secret=secret)


def _own_class(path: str, key: str) -> TokenStore:
    module, _, name = path.rpartition(".")
    try:
        found: Any = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        raise ConfigurationError(
            f"token_store is {path!r}, which cannot be imported.", hint="Write variable, shared or the path of a class."
        ) from None
    if not isinstance(found, type) or not all(callable(getattr(found, each, None)) for each in ("load", "update")):
        raise ConfigurationError(
            f"{path} is not a store of tokens.",
            hint="It needs to be a class with the methods load() and update(change).",
        )
    return _OwnStore(found(key=key), identity=f"{path} {key}")


class _OwnStore:
    """A store of somebody else's, with what it need not have."""

    def __init__(self, store: Any, *, identity: str) -> None:
        self._store = store
        self.atomic = bool(getattr(store, "atomic", False))
        self.identity = str(getattr(store, "identity", identity))

    def load(self) -> Kept:
        kept: Kept = self._store.load()
        return kept

    def update(self, change: Callable[[Kept], Kept]) -> Kept:
        kept: Kept = self._store.update(change)
        return kept
