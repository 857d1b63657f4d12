"""The routes of the board: its page, the files of the page and its stream. :mod:`.view` decides what it shows.

Pages of single entities, such as links in Airflow open, redirect to the board of their pipeline.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from aiohttp import web

from airflow_provider_bitrix24.simulator.board.stream import stream
from airflow_provider_bitrix24.simulator.portal import entity_types

if TYPE_CHECKING:
    from airflow_provider_bitrix24.simulator.portal import Portal

_PAGE: Final = "board.html"
_FOLDER: Final = "files"
_TYPES: Final = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
_SCRIPTS: Final = (
    "board.js",
    "columns.js",
    "details.js",
    "dragging.js",
    "elements.js",
    "motion.js",
    "panels.js",
    "requests.js",
)
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
"""They make the browser refuse anything from other origins, and scripts in an item's title."""


class Board:
    """Serves the board of one portal."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def routes(self) -> list[web.RouteDef]:
        """The routes of the board."""
        return [
            web.get("/", self.to_board),
            web.get("/_simulator/board", self.page),
            web.get("/_simulator/board/events", self.events, allow_head=False),
            web.get(r"/crm/{name:lead|deal|contact|company}/details/{id:[0-9]{1,10}}/", self.entity),
            web.get(r"/crm/type/{type_id:[0-9]{1,10}}/details/{id:[0-9]{1,10}}/", self.entity),
            *(web.get(f"/_simulator/board/{name}", self.file) for name in ("board.css", *_SCRIPTS)),
        ]

    async def to_board(self, request: web.Request) -> web.Response:
        """Redirect the bare address to the board."""
        del request
        raise web.HTTPFound("/_simulator/board")

    async def entity(self, request: web.Request) -> web.Response:
        """Redirect an entity's page to the board of its pipeline, which opens its card."""
        found = request.match_info
        type_id = entity_types.resolve_type(found["name"].upper()) if "name" in found else int(found["type_id"])
        store = self._portal.items.get(type_id or 0)
        item = store.get(int(found["id"])) if store else None
        if item is None:
            raise web.HTTPNotFound(text="There is no such entity.")
        type_name = entity_types.type_name(item.type_id)
        query = urlencode({"type": type_name, "category": item.category_id, "open": item.reference})
        raise web.HTTPFound(f"/_simulator/board?{query}")

    async def page(self, request: web.Request) -> web.Response:
        """The page."""
        del request
        return _file(_PAGE)

    async def file(self, request: web.Request) -> web.Response:
        """A file that the page loads."""
        return _file(request.path.rpartition("/")[2])

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Stream what changes on the board."""
        return await stream(request, self._portal)


def _file(name: str) -> web.Response:
    text = files(__package__).joinpath(_FOLDER, name).read_text(encoding="utf-8")
    return web.Response(text=text, content_type=_TYPES[name.rpartition(".")[2]], charset="utf-8", headers=_HEADERS)
