"""Ends the connection of a request before its answer is complete, as a failing network does."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from aiohttp import web

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


def close_connection(request: web.Request, *, reset: bool = False) -> None:
    """Close the connection, or reset it (TCP RST)."""
    transport = request.transport
    if transport is None:
        return
    if reset:
        connection = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
    else:
        transport.close()
