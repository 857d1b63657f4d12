"""httpx with bounds on each answer: what its trace tells sets the deadline, and reads are counted.

httpx tells by its ``trace`` extension what it is about to do, and hands out each connection's stream once it is made.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client.transports.bounds import CURRENT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from airflow_provider_bitrix24.client.transports.bounds import AnswerBounds

_CONNECTS = "connect_tcp.started"
_CONNECTED = ("connect_tcp.complete", "start_tls.complete")


@asynccontextmanager
async def within(bounds: AnswerBounds) -> AsyncIterator[Trace]:
    """Keep to the bounds of an answer. Gives what httpx wants for ``trace``.

    :raises TimeoutError: the deadline has passed.
    """
    CURRENT.set(bounds)
    trace = Trace(bounds)
    try:
        async with asyncio.timeout(None) as trace.deadline:
            yield trace
    finally:
        # httpx keeps a request, with its trace, until the garbage is collected; a deadline holds the task's result.
        trace.deadline = None
        if bounds.connecting:
            # httpcore forgets a connection whose making was cancelled.
            for stream in trace.opened:
                await stream.aclose()


class Trace:
    """Hears from httpx what it is about to do for one request."""

    def __init__(self, bounds: AnswerBounds) -> None:
        self._bounds = bounds
        self.deadline: asyncio.Timeout | None = None
        self.opened: list[Any] = []

    async def __call__(self, event: str, info: dict[str, Any]) -> None:
        """Hear of an event."""
        if event.endswith(_CONNECTED):
            self.opened.append(info["return_value"])
            _count_reads(info["return_value"])
            return
        if event.endswith(_CONNECTS):
            self._bounds.connect()
        elif event.endswith(".started") and _is_ours(info):
            self._bounds.send()
        else:
            return
        if self.deadline is not None:
            self.deadline.reschedule(asyncio.get_running_loop().time() + self._bounds.left())


def _is_ours(info: dict[str, Any]) -> bool:
    """Whether this is about our request, and not about the one with which a proxy is asked for a tunnel."""
    request = info.get("request")
    return request is not None and request.method != b"CONNECT"


def _count_reads(stream: Any) -> None:
    """Let a new connection's stream ask for the bounds of the exchange that reads from it."""
    read = stream.read

    async def bounded(max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore's
        bounds = CURRENT.get()
        bounds.before_read()
        received: bytes = await read(max_bytes, timeout=timeout)
        bounds.received(len(received))
        return received

    stream.read = bounded
