"""Long texts and lists as short text: compressed, in base64, as a JSON store or an XCom can hold them. Pure.

Checkpoints, deferred reports and kept targets are packed like this; a later release must still be able to unpack them.
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

from airflow_provider_bitrix24.client.json_memory import memory_to_read

MOST_BYTES = 64 * 2**20
"""Unpacked size beyond which a text is not one of ours."""
MOST_MEMORY = 256 * 10**6
"""Bytes that reading a packed value may take; a report of 100,000 targets takes about 80 MB. A compressed list of empty
lists is a thousand times smaller than what becomes of it."""


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

    :raises ValueError: it is not packed JSON, or reading it would take more memory than reading ours does.
    """
    return read_json(unpack(packed))


def read_json(text: str) -> Any:
    """Return the value of an unpacked text.

    :raises ValueError: it is not JSON, or reading it would take more memory than reading ours does.
    """
    if memory_to_read(text.encode()) > MOST_MEMORY:
        raise ValueError("It would take more memory to read than anything that was packed.")
    return json.loads(text)
