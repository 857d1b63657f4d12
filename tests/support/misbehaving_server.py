"""A server that does odd things to connections, and a way to send calls to it with either driver."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client import ClientSettings, parse_webhook_url
from airflow_provider_bitrix24.client.errors import ConnectFailed, OutcomeUnknown
from airflow_provider_bitrix24.client.flows.calls import Channel
from airflow_provider_bitrix24.client.flows.calls import send as send_flow
from airflow_provider_bitrix24.client.protocol.wire import Call
from airflow_provider_bitrix24.client.stores.pacer import Pacer
from airflow_provider_bitrix24.client.stores.process import ProcessStore
from airflow_provider_bitrix24.client.transports.aio import AsyncDriver
from airflow_provider_bitrix24.client.transports.sync import SyncDriver

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_bitrix24.client.flows.calls import Attempt

FINE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n%s\r\n" + b'{"result":true}'


@dataclass
class OddServer:
    """A socket that does to each connection what a test wants; keeps what it was sent."""

    behave: Callable[[OddServer, socket.socket], object]
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
            connection.settimeout(10)
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


def send(kind: str, url: str, *, count: int = 1, together: int = 1, **settings: Any) -> list[Attempt]:
    """Send calls one after the other, some together; returns the last outcomes."""
    chosen = ClientSettings(**settings)
    channel = Channel(portal=parse_webhook_url(url).portal, settings=chosen)
    pacer = Pacer(store=ProcessStore(), key="x", bucket=None)
    calls = [Call("some.method", {"x": 1})] * together
    if kind == "sync":
        driver = SyncDriver(chosen, pacer=pacer, log=logging.getLogger("test"))
        try:
            for _ in range(count):
                outcomes = driver.run(send_flow(channel, calls))
        finally:
            driver.close()
        return outcomes

    async def talk():
        driver = AsyncDriver(chosen, pacer=pacer, log=logging.getLogger("test"))
        try:
            for _ in range(count):
                outcomes = await driver.run(send_flow(channel, calls))
        finally:
            await driver.close()
        return outcomes

    return asyncio.run(talk())


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


def free_port(*, holding: str = "") -> int:
    """A port on which nobody listens."""
    ports = (0,) if not holding else (number for number in range(10_000, 65_000) if holding in str(number))
    for port in ports:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return probe.getsockname()[1]
    raise AssertionError("no port is free")
