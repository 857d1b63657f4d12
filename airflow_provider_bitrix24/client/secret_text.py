"""A secret that no ``repr`` shows, and the secrets that are in use, in all forms in which they could be shown.

Tracebacks with local variables (Sentry's default) print the ``repr`` of whatever a frame holds; log lines of other
libraries hold secrets in the forms that URLs, headers and their parsers make of them.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Final, Generic, TypeVar, overload
from urllib.parse import quote, quote_plus

from airflow_provider_bitrix24.client.locks import ThreadsLock

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self, SupportsIndex

T = TypeVar("T")
_HEX = re.compile("%25[0-9A-F]{2}|%[0-9A-F]{2}")
HIDDEN: Final = "***"
SHORTEST: Final = 6
"""A shorter text is not a secret of Bitrix24 (a webhook's has 16 characters), and hiding it would garble sentences."""
_MOST: Final = 100
"""How many secrets are remembered; an application's tokens change every hour."""


class SecretText(str):
    """A text that is used as any other and shows as ``***`` where a program prints its variables.

    >>> SecretText("s3cr3t")
    '***'
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(HIDDEN)

    def __getitem__(self, key: SupportsIndex | slice) -> Self:
        # rich and structlog print the beginning of a long text.
        return type(self)(super().__getitem__(key))


class SecretBytes(bytes):
    """Bytes that hold a secret, such as the body of a request, and show as ``***``.

    >>> SecretBytes(b"auth=s3cr3t")
    b'***'
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(HIDDEN.encode())

    @overload
    def __getitem__(self, key: SupportsIndex) -> int: ...
    @overload
    def __getitem__(self, key: slice) -> Self: ...
    def __getitem__(self, key: SupportsIndex | slice) -> int | Self:
        part = super().__getitem__(key)
        return part if isinstance(part, int) else type(self)(part)


class Unshown(Generic[T]):
    """A value that holds a secret, such as a connection, and whose own ``repr`` would show it.

    The value is not an attribute, so a program that prints the attributes of a variable does not show it either.

    >>> Unshown("s3cr3t").reveal()
    's3cr3t'
    """

    __slots__ = ("reveal",)

    def __init__(self, value: T) -> None:
        self.reveal: Callable[[], T] = lambda: value


class LiveSecrets:
    """The secrets that this process uses, in each of their forms."""

    def __init__(self) -> None:
        self._lock = ThreadsLock()
        self._secrets: dict[str, frozenset[str]] = {}
        self._forms: tuple[str, ...] = ()

    def add(self, secret: str) -> None:
        """Remember a secret that is used now; when there are very many, those that were not used for longest go."""
        if len(secret) < SHORTEST:
            return
        with self._lock:
            known = self._secrets.pop(secret, None)
            self._secrets[str(secret)] = known or frozenset(forms_of(secret))
            if known is not None:
                return
            while len(self._secrets) > _MOST:
                del self._secrets[next(iter(self._secrets))]
            # The longest first: a form may begin with another one.
            self._forms = tuple(
                sorted({form for each in self._secrets.values() for form in each}, key=len, reverse=True)
            )

    def hide(self, text: str) -> str:
        """Return a text with every form of every secret in use replaced by ``***``."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, HIDDEN)
        return text


def forms_of(secret: str) -> set[str]:
    """Return the forms of a secret: plain, percent-encoded once and twice, in base64, in JSON, and in ``repr``.

    >>> sorted(forms_of("a+b"))
    ['YSti', 'a%252Bb', 'a%252bb', 'a%2Bb', 'a%2bb', 'a+b']
    """
    once = {
        quote(secret, safe="", errors="surrogatepass"),
        quote(secret, errors="surrogatepass"),
        quote_plus(secret, errors="surrogatepass"),
    }
    encoded = {*once, *(quote(each, safe="") for each in once)}
    data = secret.encode(errors="surrogatepass")
    in_json = {json.dumps(str(secret))[1:-1], json.dumps(str(secret), ensure_ascii=False)[1:-1]}
    in_base64 = {base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()}
    return {
        secret,
        repr(str(secret))[1:-1],
        repr(data)[2:-1],
        *in_json,
        *(each.replace("/", "\\/") for each in in_json),  # as PHP writes it
        *encoded,
        *(_HEX.sub(lambda found: found[0].lower(), each) for each in encoded),
        *(each.rstrip("=") for each in in_base64),
    }


def hide(text: str, secret: str) -> str:
    """Return a text with every form of a secret replaced by ``***``; a short one only where it is a word of its own.

    >>> hide("connecting to redis failed: no such user", "e")
    'connecting to redis failed: no such user'
    """
    if len(secret) < SHORTEST:
        return re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", HIDDEN, text) if secret else text
    for form in sorted(forms_of(secret), key=len, reverse=True):
        text = text.replace(form, HIDDEN)
    return text


LIVE_SECRETS = LiveSecrets()
"""Those of this process."""
