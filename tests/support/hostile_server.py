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


def packed(pieces: Iterable[bytes], *, window: int = 31, level: int = 9) -> bytes:
    """Compress: with 31 as gzip, with 15 or -15 as deflate."""
    packer = zlib.compressobj(level, wbits=window)
    return b"".join([*map(packer.compress, pieces), packer.flush()])


def bomb(megabytes: int) -> bytes:
    """A compressed answer that is sound and very large: a text of nothing but spaces."""
    return packed([b'{"result":"', *repeat(b" " * 1_000_000, megabytes), b'"}'])


def of_length(body: bytes, head: bytes = b"") -> Behaviour:
    """One answer of this body, and the connection is closed: a request that comes later opens another."""
    return quickly(HEAD + head + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body), [body])


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


def _json(piece: bytes, megabytes: float) -> bytes:
    """A compressed answer whose result is a list of so many megabytes of equal pieces."""
    count = int(megabytes * 1_000_000 / len(piece) / 1000)
    return packed([b'{"result":[', *repeat(piece * 1000, count), b"0]}"])


def _text(megabytes: float, last: bytes = b"") -> bytes:
    spaces = repeat(b" " * 100_000, int(megabytes * 10))
    return packed([b'{"result":"', *spaces, last, b'"}'])


LARGE = {
    "gzip of 200 MB": (GZIP, lambda: bomb(200)),
    "gzip of gzip": (b"Content-Encoding: gzip, gzip\r\n", lambda: packed([bomb(100)])),
    "a text of 63 MB": (GZIP, lambda: _text(63)),
    "the longest text that is read": (GZIP, lambda: _text(29)),
    "a text with one wide letter": (GZIP, lambda: _text(9.8, "\U0001f600".encode())),
    "a text of 60 MB with one wide letter": (GZIP, lambda: _text(60, "\U0001f600".encode())),
    "a text with one escaped wide letter": (GZIP, lambda: _text(11, rb"\ud83d\ude00")),
    "60 MB of empty lists": (GZIP, lambda: _json(b"[],", 60)),
    "60 MB of nested lists": (GZIP, lambda: _json(b"[[[[[]]]]],", 60)),
    "60 MB of empty objects": (GZIP, lambda: _json(b'{"":{}},', 60)),
    "as many lists as are read": (GZIP, lambda: _json(b"[0],", 1.9)),
    "as many objects as are read": (GZIP, lambda: _json(b'{"":0},', 2)),
    "as many texts as are read": (GZIP, lambda: _json('"€",'.encode(), 5.4)),
    "as many names as are read": (GZIP, lambda: _names(5.5)),
}
"""Answers that are finite and take much memory: head, and what makes the body."""
HUGE = {"gzip of 10 GB": (GZIP, lambda: packed(repeat(MEGABYTE * 10, 1000)))}
"""The same, but it takes a minute or two to make them."""


def _names(megabytes: float) -> bytes:
    names = b"".join(b'"%x":0,' % number for number in range(int(megabytes * 1_000_000 / 9)))
    return packed([b'{"result":{', names, b'"":0}}'])
