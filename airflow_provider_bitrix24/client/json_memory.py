"""How much memory reading a JSON text takes, before it is read. Pure.

An answer that is small enough to be received can still be too large to be read: ``[],`` is three bytes on the wire and
eighty in memory, so 64 MB of it become 1.7 GB. The estimate counts a few characters. It is hardly ever too low, and
never by much.
"""

from __future__ import annotations

import re
from typing import Final

MAX_MEMORY: Final = 90_000_000
"""Bytes that reading an answer may take, the answer included; shared by answers that are read together. A batch of
2,500 rows of 5 kB takes nearly all of it."""
_MIN_SHARE: Final = 2_000_000
"""What one answer may take in any case; the answer to a batch of triggers takes a tenth of it."""

_BEST, _WORST = 3, 44
"""How many times its own size a text takes: at least, and at most."""
_OBJECT, _LIST, _NAME, _VALUE = 185, 110, 45, 80
"""Bytes of memory: for an object, a list, a field of an object, and a value, which a comma stands for."""
_CONSTANTS = tuple(b'":' + value + end for value in (b"null", b"true", b"false", b'""') for end in (b",", b"}"))
"""Values that take no memory of their own, as all that are equal are one."""
_NOT_LATIN = re.compile(rb"[\xc4-\xff]")
_BEYOND_16_BITS = re.compile(rb"[\xf0-\xff]")
_ESCAPED_BEYOND_16_BITS = re.compile(rb"\\u[dD][89abAB]")


def fits_in_memory(body: bytes | bytearray, *, share: int = 1) -> bool:
    """Whether this text can be read.

    :param share: how many answers are read together.
    """
    budget = max(MAX_MEMORY // share, _MIN_SHARE)
    if not len(body) * _BEST <= budget < len(body) * _WORST:
        return len(body) * _WORST <= budget
    return memory_to_read(body) <= budget


def memory_to_read(body: bytes | bytearray) -> int:
    """Bytes of memory that reading this text takes at most, the text included."""
    size = len(body)
    constants = sum(body.count(each) - body.count(b"\\" + each) for each in _CONSTANTS)
    structure = (
        _OBJECT * body.count(b"{")
        + _LIST * body.count(b"[")
        + _NAME * body.count(b":")
        + _VALUE * (body.count(b",") - constants)
    )
    width = _width(body)
    return size + width * size + int(max(structure, _text_width(body, width) * size))


def _width(body: bytes | bytearray) -> int:
    """Bytes of memory for each character of the whole text."""
    if body.isascii():
        return 1
    return 4 if _BEYOND_16_BITS.search(body) else 2 if _NOT_LATIN.search(body) else 1


def _text_width(body: bytes | bytearray, width: int) -> float:
    """The same for the texts in it, in which an escape can stand for a wide character."""
    if b"\\" not in body:
        return width
    # Such a text is put together from its parts, which are in memory beside the whole and the room it may grow into.
    return 1 + 1.25 * max(width, 4 if _ESCAPED_BEYOND_16_BITS.search(body) else 2 if b"\\u" in body else 1)
