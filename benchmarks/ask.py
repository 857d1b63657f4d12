"""JSON over HTTP with nothing but the standard library, for control and truth; contenders have their own."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl


def ask(url: str, body: dict | None = None, *, tls: ssl.SSLContext | None = None) -> dict:
    """GET, or POST where there is a body, and return the answer's JSON.

    :raises ValueError: the address is no http address.
    :raises OSError: no answer, or one that is an error.
    """
    if not url.startswith(("http://", "https://")):
        raise ValueError("an address begins with http:// or https://")
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310 - checked above
    with urllib.request.urlopen(request, context=tls, timeout=120) as answer:  # noqa: S310 - checked above
        return json.load(answer)
