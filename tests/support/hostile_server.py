"""What a hostile or broken portal does to a client: it never ends an answer, or makes it as large as it can.

Each behaviour ends by itself after :data:`PATIENCE` seconds with a sound answer, so that a client without bounds
fails a test instead of stopping it for ever.
"""

from __future__ import annotations

import zlib
from itertools import repeat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable

    from tests.support.misbehaving_server import MisbehavingServer

PATIENCE = 10.0
"""Seconds for which a slow behaviour goes on."""
_STEP = 0.02
RESULT = b'{"result":true}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
END = b"Content-Length: 15\r\n\r\n" + RESULT

Behaviour = "Callable[[MisbehavingServer, socket.socket], None]"


def slowly(first: bytes, again: bytes, last: bytes) -> Behaviour:
    """Answer with ``first``, then some bytes at a time, each of them well within any time between two bytes."""

    def behave(server: MisbehavingServer, connection: socket.socket) -> None:
        if not server.hear(connection):
            return
        connection.sendall(first)
        for _ in range(int(PATIENCE / _STEP)):
            if server.over.wait(_STEP):
                return
            connection.sendall(again)
        connection.sendall(last)

    return _until_the_client_leaves(behave)


def quickly(first: bytes, pieces: Iterable[bytes], last: bytes = b"") -> Behaviour:
    """Answer with ``first`` and then all pieces as fast as the client takes them."""
    kept = pieces if isinstance(pieces, repeat) else tuple(pieces)

    def behave(server: MisbehavingServer, connection: socket.socket) -> None:
        if not server.hear(connection):
            return
        connection.sendall(first)
        for piece in kept:
            connection.sendall(piece)
        connection.sendall(last)

    return _until_the_client_leaves(behave)


def _until_the_client_leaves(behave: Behaviour) -> Behaviour:
    def leaving(server: MisbehavingServer, connection: socket.socket) -> None:
        try:
            behave(server, connection)
        except OSError:
            return

    return leaving


SLOW = {
    "a byte at a time": slowly(HEAD + b"Content-Length: 515\r\n\r\n" + RESULT, b" ", b" " * 500),
    "a chunk at a time": slowly(CHUNKED + b"f\r\n" + RESULT + b"\r\n", b"1\r\n \r\n", b"0\r\n\r\n"),
    "a header that does not end": slowly(HEAD + b"X-Header: ", b"a", b"\r\n" + END),
    "headers that do not end": slowly(HEAD, b"A: b\r\n", END),
    "a status line that does not end": slowly(b"HTTP/1.1 200 O", b"K", b"\r\n" + END),
    "100 Continue without end": slowly(b"", b"HTTP/1.1 100 Continue\r\n\r\n", HEAD + END),
    "early hints without end": slowly(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n", HEAD + END),
    "a chunk's size that does not end": slowly(CHUNKED, b"0", b"f\r\n" + RESULT + b"\r\n0\r\n\r\n"),
    "trailers that do not end": slowly(CHUNKED + b"f\r\n" + RESULT + b"\r\n0\r\n", b"A: b\r\n", b"\r\n"),
    "no length and no end": slowly(HEAD + b"Connection: close\r\n\r\n" + RESULT, b" ", b""),
}
"""Behaviours that keep a client waiting, a little at a time."""


def greeting_slowly(server: MisbehavingServer, connection: socket.socket) -> None:
    """Begin a TLS handshake, a byte at a time."""
    connection.recv(65536)
    connection.sendall(b"\x16\x03\x03\x40\x00")
    for _ in range(int(PATIENCE / _STEP)):
        if server.over.wait(_STEP):
            return
        try:
            connection.sendall(b"\x02")
        except OSError:
            return


SLOW_PROXIES = {
    "headers that do not end": slowly(b"HTTP/1.1 200 Connection established\r\n", b"A: b\r\n", b"\r\n"),
    "a status line that does not end": slowly(b"HTTP/1.1 200 O", b"K", b"\r\n\r\n"),
    "no answer": slowly(b"", b"", b"HTTP/1.1 502 Bad Gateway\r\n\r\n"),
}
"""What a proxy can do to a client that asks for a tunnel."""


def packed(pieces: Iterable[bytes], *, window: int = 31) -> bytes:
    """Compress: with 31 as gzip, with 15 or -15 as deflate."""
    packer = zlib.compressobj(9, wbits=window)
    return b"".join([*map(packer.compress, pieces), packer.flush()])


def bomb(megabytes: int) -> bytes:
    """A compressed answer that is sound and very large: a text of nothing but spaces."""
    return packed([b'{"result":"', *repeat(b" " * 1_000_000, megabytes), b'"}'])


def of_length(body: bytes, head: bytes = b"") -> Behaviour:
    """One answer of this body."""
    return quickly(HEAD + head + b"Content-Length: %d\r\n\r\n" % len(body), [body])


GZIP = b"Content-Encoding: gzip\r\n"
MEGABYTE = b" " * 1_000_000
FLOODS = {
    "a body without end": quickly(HEAD + b"Connection: close\r\n\r\n" + RESULT, repeat(MEGABYTE)),
    "chunks without end": quickly(CHUNKED, repeat(b"f4240\r\n" + MEGABYTE + b"\r\n")),
    "headers without end": quickly(HEAD, repeat(b"X-Header: something\r\n" * 1000)),
    "a header without end": quickly(HEAD + b"X-Header: ", repeat(MEGABYTE)),
    "a status line without end": quickly(b"HTTP/1.1 200 O", repeat(b"K" * 1_000_000)),
    "100 Continue without end": quickly(b"", repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)),
    "early hints without end": quickly(b"", repeat(b"HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n" * 1000)),
    "a chunk's size without end": quickly(CHUNKED, repeat(b"0" * 1_000_000)),
    "a chunk's extension without end": quickly(CHUNKED + b"f;", repeat(b"x" * 1_000_000)),
    "trailers without end": quickly(CHUNKED + b"f\r\n" + RESULT + b"\r\n0\r\n", repeat(b"A: b\r\n" * 1000)),
}
"""Behaviours that send as fast as the client takes it and never end."""
