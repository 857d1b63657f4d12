"""requests with bounds on each answer: its connections ask :mod:`.bounds` before they read.

The answer's head is read inside http.client, where no caller can intervene, so the bounds are put below it: into the
file that http.client reads from.
"""

from __future__ import annotations

import http.client
import io
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from urllib3 import exceptions as urllib3_errors
from urllib3.connection import HTTPConnection

from airflow_provider_bitrix24.client.transports.bounds import (
    CURRENT,
    PIECE,
    AnswerBounds,
    UnusableAnswerError,
)

if TYPE_CHECKING:
    import socket

    from urllib3 import HTTPConnectionPool, PoolManager


class BoundedAdapter(HTTPAdapter):
    """An adapter whose connections keep to the bounds of the exchange that their thread is busy with."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools of direct connections."""
        super().init_poolmanager(*args, **kwargs)
        _bound(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Make the pools of connections through a proxy, or return those there are."""
        known = proxy in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not known:
            _bound(manager)
        return manager


def _bound(manager: PoolManager) -> None:
    """Let a manager's pools make bounded connections, whichever connections they make now (SOCKS has its own)."""
    manager.pool_classes_by_scheme = {scheme: _bounded(pool) for scheme, pool in manager.pool_classes_by_scheme.items()}


def _bounded(pool: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
    connection = pool.ConnectionCls
    bounded = type(connection.__name__, (_BoundedConnection, connection), {})
    return type(pool.__name__, (pool,), {"ConnectionCls": bounded})


class _BoundedConnection(HTTPConnection):
    """Tells the bounds how far an exchange is, and reads its answer within them."""

    def connect(self) -> None:
        """Connect, through a proxy's tunnel and with TLS where that is called for, within one time-out."""
        bounds = CURRENT.get()
        bounds.connect()
        try:
            super().connect()
        except (TimeoutError, UnusableAnswerError) as failure:
            self.close()
            raise urllib3_errors.ConnectTimeoutError(self, str(failure)) from failure
        bounds.send()

    def _new_conn(self) -> socket.socket:
        connected = super()._new_conn()
        connected.settimeout(CURRENT.get().left())
        return connected

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Send a request; a new connection is made on the way."""
        if self.sock is not None:
            CURRENT.get().send()
        super().request(*args, **kwargs)

    def send(self, data: Any) -> None:
        """Send some bytes before the deadline, however slowly the portal takes them."""
        if self.sock is None and self.auto_open:
            self.connect()
        for start in range(0, len(data), PIECE):
            if self.sock is not None:
                self.sock.settimeout(CURRENT.get().left())
            super().send(data[start : start + PIECE])

    def response_class(  # type: ignore[override]  # a class, which is called alike
        self, connected: socket.socket, *args: Any, **kwargs: Any
    ) -> http.client.HTTPResponse:
        """http.client makes answers by this, also that of a proxy to CONNECT."""
        return _BoundedResponse(connected, CURRENT.get(), *args, **kwargs)


class _BoundedResponse(http.client.HTTPResponse):
    """Reads an answer within its bounds."""

    def __init__(self, connected: socket.socket, bounds: AnswerBounds, *args: Any, **kwargs: Any) -> None:
        super().__init__(connected, *args, **kwargs)
        self.fp = io.BufferedReader(_BoundedFile(self.fp.detach(), connected, bounds))

    def _read_status(self) -> tuple[str, int, str]:
        """Pass over informational answers: http.client knows only the first of them."""
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]  # no public name
            if not http.client.CONTINUE <= status < http.client.OK or status == http.client.SWITCHING_PROTOCOLS:
                return version, status, reason
            http.client.parse_headers(self.fp)

    def _read_and_discard_trailer(self) -> None:
        """Read what follows a chunked body, no more of it than headers may have."""
        http.client.parse_headers(self.fp)


class _BoundedFile(io.RawIOBase):
    """What comes from a socket, within the bounds of one answer."""

    def __init__(self, inner: io.RawIOBase, connected: socket.socket, bounds: AnswerBounds) -> None:
        self._inner, self._socket, self._bounds = inner, connected, bounds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._socket.settimeout(self._bounds.before_read())
        count = self._inner.readinto(buffer) or 0
        self._bounds.received(count)
        return count

    def close(self) -> None:
        self._inner.close()
        super().close()
