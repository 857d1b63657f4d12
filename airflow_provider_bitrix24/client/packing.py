"""Long texts and lists as short text: compressed, in base64, as a JSON store or an XCom can hold them. Pure.

Checkpoints, deferred reports and kept targets are packed like this; a later release must still be able to unpack them.
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

MOST_BYTES = 64 * 2**20
"""Unpacked size beyond which a text is not one of ours."""


def pack(text: str, *, level: int = zlib.Z_DEFAULT_COMPRESSION) -> str:
    """Compress a text.

    :param level: of compression, from 1 (fast) to 9 (small).
    """
    return base64.b64encode(zlib.compress(text.encode(), level)).decode("ascii")


def unpack(packed: str, most: int = MOST_BYTES) -> str:
    """Return the text that was packed, up to a size that none of ours reaches.

    :param most: bytes that it may have, at least one.

    :raises ValueError: it is not a packed text.
    """
    reader = zlib.decompressobj()
    try:
        text = reader.decompress(base64.b64decode(packed, validate=True), most)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if not reader.eof:
        raise ValueError("It is cut, or larger than anything that was packed.")
    return text.decode()


def pack_json(value: Any) -> str:
    """Compress a value of plain JSON."""
    return pack(json.dumps(value))


def unpack_json(packed: str) -> Any:
    """Return the value that was packed.

    :raises ValueError: it is not packed JSON.
    """
    return json.loads(unpack(packed))
