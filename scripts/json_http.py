"""JSON over HTTP with nothing but the standard library: for the simulator's control API, a portal's, and Airflow's."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

TIMEOUT = 120.0
"""Seconds."""


def ask(
    url: str,
    body: Mapping[str, Any] | None = None,
    *,
    method: str | None = None,
    headers: Mapping[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
    timeout: float = TIMEOUT,
) -> Any:
    """GET, or POST where there is a body, past any proxy; return the answer's JSON (``None`` if it is empty).

    :raises ValueError: the address is not an http address, or the answer is not JSON.
    :raises OSError: there is no answer, or it is an error.
    """
    if not url.startswith(("http://", "https://")):
        raise ValueError("an address begins with http:// or https://")
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), *([urllib.request.HTTPSHandler(context=tls)] if tls else [])
    )
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        url, data, {"Content-Type": "application/json", "Accept": "application/json", **(headers or {})}, method=method
    )
    with opener.open(request, timeout=timeout) as answer:
        text = answer.read()
    return json.loads(text) if text else None
