"""What one answer may take at most: time, bytes in front of its body, and bytes in all. Reads no socket itself.

A socket's time-out bounds the time between two bytes, and no HTTP library bounds the size of an answer, so a portal
that is broken, overloaded or hostile could hold a worker for ever or fill its memory. Both drivers ask here before
each read.
"""

from __future__ import annotations

import time
import zlib
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MEGABYTE: Final = 1024 * 1024
MAX_ANSWER: Final = 64 * MEGABYTE
"""Bytes of an answer, on the wire as well as decoded; shared by answers to requests that are sent together."""
MIN_SHARE: Final = MEGABYTE
"""Bytes that one answer may have in any case."""
MAX_HEAD: Final = 64 * 1024
"""Bytes in front of the body: status line, headers, and informational answers such as 100 Continue."""
MAX_HEADERS: Final = 100
"""As many as http.client takes."""
PIECE: Final = 64 * 1024
"""Bytes that are read, and decoded, at a time."""
MAX_ENCODINGS: Final = 2
"""How often one body may be compressed."""


class UnusableAnswerError(Exception):
    """An answer that is not read to its end. The text says what is wrong with it, without the URL."""


class AnswerBounds:
    """The bounds of one answer.

    :param connect_timeout: seconds from the beginning of the connection until it can carry a request.
    :param read_timeout: seconds from the sending of the request until its answer is complete.
    :param share: how many answers share the limit on their size.
    :param clock: monotonic seconds.
    """

    def __init__(
        self,
        *,
        connect_timeout: float,
        read_timeout: float,
        share: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.read_timeout = read_timeout
        self._connect_timeout, self._clock = connect_timeout, clock
        self._limit = max(MAX_ANSWER // share, MIN_SHARE)
        self._deadline: float | None = None
        self._sent = self._in_body = False
        self._received = 0

    @property
    def connecting(self) -> bool:
        """Whether a connection is being made, so that the request has certainly not been sent."""
        return self._deadline is not None and not self._sent

    @property
    def sent(self) -> bool:
        """Whether the request has been sent, or part of it."""
        return self._sent

    def connect(self) -> None:
        """A connection is made from now on."""
        if not self._sent:
            self._deadline = self._clock() + self._connect_timeout

    def send(self) -> None:
        """The request is sent from now on. Only the first call counts."""
        if not self._sent:
            self._sent = True
            self._deadline = self._clock() + self.read_timeout

    def body(self, encoding: str, *, headers: int = 0) -> Body:
        """The headers are complete: what takes up the body.

        :param encoding: the answer's Content-Encoding.
        :param headers: how many headers it has, where the HTTP library does not limit them itself.
        :raises UnusableAnswerError: it has more headers, or is compressed more often, than anybody needs.
        """
        if headers > MAX_HEADERS:
            raise UnusableAnswerError(f"the answer has more than {MAX_HEADERS} headers")
        self._in_body = True
        return Body(encoding, limit=self._limit)

    def left(self) -> float:
        """Seconds until the deadline.

        :raises TimeoutError: it has passed.
        """
        if self._deadline is None:
            self.send()
        left = (self._deadline or 0.0) - self._clock()
        if left <= 0:
            raise TimeoutError("the answer's deadline has passed")
        return left

    def before_read(self) -> float:
        """Seconds that the next read may take.

        :raises TimeoutError: the deadline has passed.
        :raises UnusableAnswerError: too much has been received.
        """
        if not self._in_body and self._received > MAX_HEAD:
            raise UnusableAnswerError(f"the answer's headers are longer than {MAX_HEAD // 1024} kB")
        if self._received > self._limit + MAX_HEAD:
            raise _too_large(self._limit)
        return self.left()

    def received(self, count: int) -> None:
        """Count the bytes of one read."""
        self._received += count


CURRENT: ContextVar[AnswerBounds] = ContextVar("bitrix24_answer_bounds")
"""The bounds of the exchange that this thread or task is busy with: HTTP libraries pass nothing on to a socket."""


class Body:
    """The decoded body of one answer.

    :param encoding: the answer's Content-Encoding.
    :param limit: bytes that it may have.
    :raises UnusableAnswerError: it is compressed more often than anybody needs.
    """

    def __init__(self, encoding: str, *, limit: int = MAX_ANSWER) -> None:
        names = [name for each in encoding.split(",") if (name := each.strip().lower()) in _WINDOWS]
        if len(names) > MAX_ENCODINGS:
            raise UnusableAnswerError(f"the answer is compressed {len(names)} times")
        self._inflaters = [_Inflater(name) for name in reversed(names)]
        self._limit = limit
        self._content, self._size = bytearray(), 0

    def feed(self, received: bytes) -> None:
        """Decode and keep what was received.

        :raises UnusableAnswerError: it cannot be decoded, or the body is too large.
        """
        pieces: Iterable[bytes] = (received,)
        for inflater in self._inflaters:
            pieces = inflater.inflate(pieces)
        for piece in pieces:
            self._keep(piece)

    def _keep(self, piece: bytes) -> None:
        end = self._size + len(piece)
        if end > self._limit:
            raise _too_large(self._limit)
        if end > len(self._content):
            # Memory that nobody has written to costs nothing, while a buffer that grows bit by bit is copied.
            grown = bytearray(next(room for room in (PIECE, MEGABYTE, self._limit) if room >= end))
            grown[: self._size] = self._content[: self._size]
            self._content = grown
        self._content[self._size : end] = piece
        self._size = end

    def content(self) -> bytes | bytearray:
        """What was kept, without a copy of it."""
        del self._content[self._size :]
        return self._content


_WINDOWS = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
"""Content-Encoding -> what zlib calls it."""


class _Inflater:
    """Decompresses a piece at a time, since a few bytes may hold gigabytes. What follows the end does not matter."""

    def __init__(self, encoding: str) -> None:
        self._window = _WINDOWS[encoding]
        self._begun = b""
        """The first byte, which does not yet tell how the rest is compressed."""
        self._zlib: zlib._Decompress | None = None

    def inflate(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Decompress what has been received."""
        try:
            for piece in pieces:
                yield from self._inflate(piece)
        except zlib.error:
            raise UnusableAnswerError("the answer cannot be decompressed") from None

    def _inflate(self, data: bytes) -> Iterator[bytes]:
        if self._zlib is None:
            data = self._begun + data
            if len(data) < _ZLIB_HEADER:
                self._begun = data
                return
            self._zlib = zlib.decompressobj(_window(self._window, data))
        while not self._zlib.eof:
            piece = self._zlib.decompress(data, PIECE)
            data = self._zlib.unconsumed_tail
            if piece:
                yield piece
            # A full piece may have more behind it, even where all of the data has been taken.
            if not data and len(piece) < PIECE:
                return


_ZLIB_HEADER = 2


def _window(window: int, data: bytes) -> int:
    """By "deflate" most servers mean it with zlib's header, some without."""
    without_header = data[0] & 0x0F != zlib.DEFLATED or int.from_bytes(data[:_ZLIB_HEADER], "big") % 31
    return -zlib.MAX_WBITS if window == zlib.MAX_WBITS and without_header else window


def _too_large(limit: int) -> UnusableAnswerError:
    return UnusableAnswerError(f"the answer is larger than {limit // MEGABYTE} MB")
