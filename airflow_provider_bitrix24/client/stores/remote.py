"""What stores on a server have in common: a deadline, keys that fit, errors that name the server and no secret."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_bitrix24.client.errors import SharedStoreError
from airflow_provider_bitrix24.client.secret_text import hide
from airflow_provider_bitrix24.client.stores.deadline import BoundedCall

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

R = TypeVar("R")
PATIENCE = 1.0
"""Seconds for which nobody waits longer for a store, whatever it does."""
_LONGEST_KEY = 150
_LONGEST_REASON = 300


def stored_key(key: str) -> str:
    """Return a key as a server keeps it: as it is where it is short and plain, or else a digest of it."""
    # MySQL compares without the blanks at the end.
    if len(key) <= _LONGEST_KEY and key.isascii() and key.isprintable() and key == key.rstrip():
        return key
    return f"sha256 {hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()}"


def within(patience: float, function: Callable[[BoundedCall[R]], R], *, name: str) -> R:
    """Run a function that asks a server, and wait for it no longer than agreed.

    :param function: gets the call; it should not change anything any more once that was given up.
    :param name: names the server in an error.
    :raises SharedStoreError: the function has raised it, or takes too long.
    """
    try:
        return BoundedCall(function).wait(patience)
    except TimeoutError:
        raise_unusable(name, f"no answer within {patience:g} s")


def raise_unusable(name: str, reason: object, *, hint: str = "", secret: str | None = None) -> NoReturn:
    """Raise the error of a server that cannot be used.

    :param reason: what the server or its library has said, of which the first line is repeated.
    :param secret: what must not be repeated.
    """
    # Before it is cut, as half of a secret is not recognized, and in its place, as a traceback may show variables.
    reason = hide(str(reason), secret) if secret else str(reason)
    raise SharedStoreError(f"{name} cannot be used: {first_line(reason)}.", hint=hint) from None


def first_line(reason: object) -> str:
    """Return the first line of what a server or its library has said, bounded and without the dot at its end."""
    said = " ".join(str(reason).strip().partition("\n")[0].split())
    return said[:_LONGEST_REASON].rstrip(".")
