"""Handlers of JSON: they read an object, return data, and answer mistakes with 400 and a sentence."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

MAX_BODY: Final = 16 * 1024 * 1024
"""Bytes of a body; a seed that lists 100,000 items has some 10 MB."""


class MisuseError(ValueError):
    """A caller's mistake; the message says what is expected."""


def json_handler(
    handler: Callable[[web.Request], Awaitable[Any]],
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Wrap a handler that returns JSON data; a ``ValueError`` becomes 400 with ``{"error": ...}``."""

    async def answer(request: web.Request) -> web.Response:
        try:
            return web.json_response(await handler(request))
        except ValueError as mistake:
            return web.json_response({"error": str(mistake)}, status=400)

    return answer


async def json_body(request: web.Request) -> dict[str, Any]:
    """The JSON object of a body; an empty body is an empty object.

    :raises MisuseError: when it is something else, or too long.
    """
    body = await _body(request)
    if not body.strip():
        return {}
    try:
        data = json.loads(body, parse_constant=_refused, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise MisuseError(f"the body is not valid JSON: {error}") from None
    if not isinstance(data, dict):
        raise MisuseError("the body must be a JSON object")
    return data


async def _body(request: web.Request) -> bytearray:
    # Not Request.read, which takes as much as a REST request may have.
    body = bytearray()
    async for piece in request.content.iter_any():
        body += piece
        if len(body) > MAX_BODY:
            raise MisuseError(
                f"the body is longer than {MAX_BODY >> 20} MB; 'generate' makes many items with few words"
            )
    return body


def _refused(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refused(text)
