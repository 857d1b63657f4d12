"""A secret that no ``repr`` shows, and the secrets that are in use, in all forms in which they could be shown.

Tracebacks with local variables (Sentry's default) print the ``repr`` of whatever a frame holds; log lines of other
libraries hold secrets in the forms that URLs, headers and their parsers make of them.
"""

from __future__ import annotations

import base64
import re
import threading
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar
from urllib.parse import quote, quote_plus

T = TypeVar("T")
HIDDEN: Final = "***"
SHORTEST: Final = 6
"""A shorter text is not a secret of Bitrix24 (a webhook's has 16 characters), and hiding it would garble sentences."""
_MOST: Final = 256
"""How many secrets are remembered; an application's tokens change every hour."""


class SecretText(str):
    """A text that is used as any other and shows as ``***`` where a program prints its variables.

    >>> SecretText("s3cr3t")
    '***'
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(HIDDEN)


@dataclass(frozen=True, slots=True)
class Unshown(Generic[T]):
    """A value that holds a secret, such as a connection, and whose own ``repr`` would show it."""

    value: T = field(repr=False)


class LiveSecrets:
    """The secrets that this process uses, and a pattern that finds each of their forms."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._secrets: dict[str, None] = {}
        self._pattern: re.Pattern[str] | None = None

    def add(self, secret: str) -> None:
        """Remember a secret; the oldest are forgotten when there are very many."""
        if len(secret) < SHORTEST or secret in self._secrets:
            return
        with self._lock:
            self._secrets[str(secret)] = None
            while len(self._secrets) > _MOST:
                del self._secrets[next(iter(self._secrets))]
            forms = {form for each in self._secrets for form in forms_of(each)}
            # The longest first: a form may begin with another one.
            ordered = sorted(forms, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, ordered)), re.IGNORECASE)

    def hide(self, text: str) -> str:
        """Return a text with every form of every secret in use replaced by ``***``."""
        pattern = self._pattern
        return text if pattern is None else pattern.sub(HIDDEN, text)


def forms_of(secret: str) -> set[str]:
    """Return the forms that a secret takes: plain, percent-encoded once and twice, in base64, and as ``repr`` shows it.

    >>> sorted(forms_of("a b+c/d"))[:3]
    ['YSBiK2MvZA', 'a b+c/d', 'a%20b%2Bc%2Fd']
    """
    once = {
        quote(secret, safe="", errors="surrogatepass"),
        quote(secret, errors="surrogatepass"),
        quote_plus(secret, errors="surrogatepass"),
    }
    data = secret.encode(errors="surrogatepass")
    encoded = {base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()}
    return {
        secret,
        repr(str(secret))[1:-1],
        *once,
        *(quote(each, safe="") for each in once),
        *(each.rstrip("=") for each in encoded),
    }


LIVE_SECRETS = LiveSecrets()
"""Those of this process."""
