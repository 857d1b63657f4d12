"""The board page: a column per stage with the number of items that stand there."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from .model import Pipeline
    from .portal import Portal

_SHOWN_PER_STAGE = 20


class Board:
    """Serves the board."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of the board."""
        return [web.get("/", self.to_board), web.get("/_simulator/board", self.page)]

    async def to_board(self, request: web.Request) -> web.Response:
        """Lead whoever opens the bare address to the board."""
        del request
        raise web.HTTPFound("/_simulator/board")

    async def page(self, request: web.Request) -> web.Response:
        """Show all pipelines."""
        del request
        with self._portal.lock:
            body = "".join(self._pipeline(each) for each in self._portal.pipelines.values())
        text = (
            "<!doctype html><html lang=en><meta charset=utf-8><title>Bitrix24 simulator</title>"
            "<style>body{font-family:sans-serif}table{border-collapse:collapse;margin-bottom:2em}"
            "td,th{border:1px solid #ccc;padding:.4em .8em;vertical-align:top;text-align:left}</style>"
            f"<h1>Bitrix24 simulator</h1>{body}</html>"
        )
        return web.Response(text=text, content_type="text/html")

    def _pipeline(self, pipeline: Pipeline) -> str:
        store = self._portal.items[pipeline.type_id]
        heads, cells = [], []
        for stage in pipeline.stages:
            ids = store.at_stage(pipeline.id, stage.id)
            heads.append(f"<th style='border-top:4px solid {stage.color}'>{escape(stage.name)} ({len(ids)})</th>")
            titles = [item.title for item_id in ids[:_SHOWN_PER_STAGE] if (item := store.get(item_id))]
            cells.append("<td>" + "<br>".join(escape(title) for title in titles) + "</td>")
        return f"<h2>{escape(pipeline.name)}</h2><table><tr>{''.join(heads)}</tr><tr>{''.join(cells)}</tr></table>"
