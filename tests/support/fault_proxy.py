"""A proxy on loopback between a client and a server, which can be slow, silent, or gone."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import Literal, Self

Mode = Literal["pass", "silent", "cut"]


class FaultProxy:
    """Passes connections on to a server on this machine.

    ``mode`` and ``delay``, the seconds before each piece is passed on, can be changed at any time: ``silent`` swallows
    what arrives, ``cut`` closes each connection at its next piece.

    :param target: the server's port.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self.mode: Mode = "pass"
        self.delay = 0.0
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in list(self._open):
            _close(each)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self._target))
                except ConnectionError:
                    _close(client)
                    continue
                self._open |= {client, server}
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(65536):
                if self.mode == "cut":
                    break
                if self.mode == "pass":
                    time.sleep(self.delay)
                    sink.sendall(piece)
        _close(source)
        _close(sink)
        self._open -= {source, sink}


def _close(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
