"""The stream of moves (server-sent events) that the board follows."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from airflow_provider_bitrix24.simulator.portal import Portal
    from airflow_provider_bitrix24.simulator.portal.model import MoveEvent

_QUEUE = 2_000
_GATHER_SECONDS = 0.05
_KEEP_ALIVE_SECONDS = 15.0


class MoveStream:
    """Serves ``/_simulator/events``.

    Each message is ``event: moves`` with a JSON list of moves, gathered for a twentieth of a second. A reader that
    is too slow loses the oldest ones and is told how many by ``event: missed``; it should then load the board anew.
    """

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def routes(self) -> list[web.RouteDef]:
        """Return the route of the stream."""
        return [web.get("/_simulator/events", self.events)]

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Send moves until the reader leaves."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        reader = _Reader(asyncio.get_running_loop())
        unsubscribe = self._portal.events.subscribe(reader.receive)
        try:
            await response.prepare(request)
            await response.write(b"retry: 1000\n\n")
            while True:
                text = await reader.next_message()
                await response.write(text.encode())
        except ConnectionError:
            return response
        finally:
            unsubscribe()


class _Reader:
    """The moves that one reader has not been sent yet; filled from any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._moves: deque[MoveEvent] = deque(maxlen=_QUEUE)
        self._received = 0
        self._sent = 0
        self._filled = asyncio.Event()

    def receive(self, event: MoveEvent) -> None:
        self._moves.append(event)
        self._received += 1
        if len(self._moves) == 1:
            self._loop.call_soon_threadsafe(self._filled.set)

    async def next_message(self) -> str:
        """Return the next message, or a comment that keeps the connection alive."""
        if not self._moves:
            self._filled.clear()
        if not self._moves:
            try:
                await asyncio.wait_for(self._filled.wait(), _KEEP_ALIVE_SECONDS)
            except TimeoutError:
                return ": still here\n\n"
        await asyncio.sleep(_GATHER_SECONDS)
        moves: list[dict[str, Any]] = []
        while self._moves:
            moves.append(asdict(self._moves.popleft()))
        missed = self._received - self._sent - len(moves)
        self._sent = self._received
        text = f"event: missed\ndata: {missed}\n\n" if missed > 0 else ""
        return f"{text}event: moves\ndata: {json.dumps(moves)}\n\n"
