"""``/_simulator/openapi.json``: a description of the control API for tools and people."""

from __future__ import annotations

from importlib.resources import files

from aiohttp import web


def routes() -> list[web.RouteDef]:
    """The route of the description."""
    return [web.get("/_simulator/openapi.json", _describe)]


async def _describe(request: web.Request) -> web.Response:
    del request
    text = files(__package__).joinpath("openapi.json").read_text(encoding="utf-8")
    return web.Response(text=text, content_type="application/json")
