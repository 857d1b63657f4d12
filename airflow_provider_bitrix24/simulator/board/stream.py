"""``/_simulator/board/events``: the changes of a board view, as server-sent events.

The changes are collected ten times a second of real time (the portal's clock may be stopped). So the work per second
is bounded however fast items move, and a slow reader gets fewer and larger steps.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Final

from aiohttp import web

from airflow_provider_bitrix24.simulator import php
from airflow_provider_bitrix24.simulator.board.view import BoardView

if TYPE_CHECKING:
    from airflow_provider_bitrix24.simulator.board.view import Change
    from airflow_provider_bitrix24.simulator.portal import Portal

TICK_SECONDS: Final = 0.1
_RECONNECT_MILLISECONDS: Final = 500
_IDLE_TICKS: Final = 100
"""After this many ticks without a change a comment is sent, which detects a reader that has left."""
_HEADERS: Final = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}


async def stream(request: web.Request, portal: Portal) -> web.StreamResponse:
    """Send changes until the reader leaves; ``?type=DEAL&category=5`` chooses the pipeline."""
    view = BoardView(portal, request.query.get("type", "DEAL"), php.to_int(request.query.get("category", "0")))
    response = web.StreamResponse(headers=_HEADERS)
    await response.prepare(request)
    try:
        await response.write(f"retry: {_RECONNECT_MILLISECONDS}\n\n".encode())
        await _follow(view, response)
    except ConnectionResetError:
        pass  # the reader has left, which is how every stream ends
    return response


async def _follow(view: BoardView, response: web.StreamResponse) -> None:
    idle = 0
    while True:
        changes = view.changes()
        idle = 0 if changes else idle + 1
        if changes:
            await response.write("".join(map(_encoded, changes)).encode())
        elif idle % _IDLE_TICKS == 0:
            await response.write(b": still here\n\n")
        await asyncio.sleep(TICK_SECONDS)


def _encoded(change: Change) -> str:
    return f"event: {change.name}\ndata: {json.dumps(change.data)}\n\n"  # ASCII: a title can hold half a character
