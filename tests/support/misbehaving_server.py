"""A server that misbehaves, and a way to send calls to it with either driver."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client import ClientSettings, parse_webhook_url
from airflow_provider_bitrix24.client.errors import ConnectFailed, OutcomeUnknown
from airflow_provider_bitrix24.client.flows.calls import Channel
from airflow_provider_bitrix24.client.flows.calls import send as send_flow
from airflow_provider_bitrix24.client.protocol.wire import Call
from tests.support.drivers import run_flow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_bitrix24.client.flows.calls import Attempt
    from airflow_provider_bitrix24.client.flows.effects import Flow
    from tests.support.drivers import Kind

FINE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n%s\r\n" + b'{"result":true}'


@dataclass
class MisbehavingServer:
    """A server that treats each connection as a test wants, and keeps the requests that it was sent."""

    behave: Callable[[MisbehavingServer, socket.socket], object]
    heard: list[bytes] = field(default_factory=list)
    connections: int = 0

    def __enter__(self):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.socket.getsockname()[1]
        self.over = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for thread in self._threads:
            thread.join()

    def _accept(self):
        while not self.over.is_set():
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection):
        with connection:
            connection.settimeout(300)  # on a busy machine a client may be slow
            self.behave(self, connection)

    def hear(self, connection):
        """Read one request to its end; false where the client has gone."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += (more := connection.recv(65536))
            if not more:
                return False
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        while len(body) < length:
            body += connection.recv(65536)
        self.heard.append(head + b"\r\n\r\n" + body)
        return True


def answering(*answers):
    def behave(server, connection):
        for answer in answers:
            if not server.hear(connection):
                return
            connection.sendall(answer)

    return behave


def silent(server, connection):
    server.hear(connection)
    server.over.wait()


def mute(server, _connection):
    server.over.wait()


def resetting(server, connection):
    server.hear(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hanging_up(_server, connection):
    connection.shutdown(socket.SHUT_RDWR)


def send(kind: Kind, url: str, *, count: int = 1, together: int = 1, **settings: Any) -> list[Attempt]:
    """Send calls one after the other, some together; returns the last outcomes."""
    chosen = ClientSettings(**settings)
    channel = Channel(portal=parse_webhook_url(url).portal, settings=chosen)
    calls = [Call("some.method", {"x": 1})] * together

    def flow() -> Flow[list[Attempt]]:
        for _ in range(count):
            outcomes = yield from send_flow(channel, calls)
        return outcomes

    return run_flow(kind, flow(), settings=chosen)


PATH = "rest/1/s3cr3t%25%26"
NOT_SENT = (ConnectFailed, "no", False)
NEVER = (ConnectFailed, "no", True)
UNKNOWN = (OutcomeUnknown, "unknown", False)


def failure(kind: str, url: str, **settings: Any) -> tuple[type, str, bool]:
    """Class of the error, whether it was executed, whether it stays; its texts show no URL."""
    [outcome] = send(kind, url, **settings)
    error = outcome.reply
    for shown in (str(error), repr(error), repr(vars(error))):
        assert "s3cr3t" not in shown
        assert "rest/1" not in shown
    assert error.__cause__ is None
    assert error.__context__ is None
    return type(error), error.executed, error.permanent


@contextmanager
def refusing_port(*, holding: str = "") -> Iterator[int]:
    """A port that is taken, so that nothing else listens on it, and refuses connections.

    :param holding: digits that the number of the port must have in it.
    """
    with socket.socket() as taken:
        for port in (0,) if not holding else (number for number in range(10_000, 65_000) if holding in str(number)):
            try:
                taken.bind(("127.0.0.1", port))
            except OSError:
                continue
            yield taken.getsockname()[1]
            return
    raise AssertionError("no such port is free")
