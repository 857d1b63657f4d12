"""A portal that is down: its port stays taken, since another process could listen there otherwise."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_bitrix24.simulator.threaded import SimulatorServer


@contextmanager
def taken_down(server: SimulatorServer) -> Iterator[None]:
    """Stop a server, and let its port refuse connections."""
    server.stop()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # old connections may still be closing
        taken.bind(("127.0.0.1", server.port))
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        yield
