"""Responses as the portal writes them: the envelope, its `time`, JSON and XML."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

from airflow_provider_bitrix24.simulator import php

if TYPE_CHECKING:
    from airflow_provider_bitrix24.simulator.rest.execution import Execution

JSON_TYPE: Final = "application/json; charset=utf-8"
XML_TYPE: Final = "text/xml; charset=utf-8"
HTML_TYPE: Final = "text/html; charset=UTF-8"

_WRONG_ENCODING: Final = b'{"error":"WRONG_ENCODING","error_description":"Wrong request encoding"}'
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_IN_STRINGS: Final = (
    ("<", "\\u003C"),
    (">", "\\u003E"),
    ("&", "\\u0026"),
    ("'", "\\u0027"),
    ("/", "\\/"),
    ("\u2028", "\\u2028"),
    ("\u2029", "\\u2029"),
)
_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False, allow_nan=False).encode


def time_object(
    execution: Execution, method: str, started: float, finished: float, processing: float
) -> dict[str, Any]:
    """The `time` of a success; moments are seconds since the epoch, durations seconds."""
    clock = execution.portal.clock
    whole = execution.portal.settings.time_format == "integer"
    start = int(started) if whole else started
    time: dict[str, Any] = {
        "start": start,
        "finish": number(round(finished, 6)),
        "duration": number(round(finished - start, 6)),
        "processing": int(processing) if whole else number(round(processing, 6)),
        "date_start": clock.iso(started),
        "date_finish": clock.iso(finished),
    }
    if (operating := execution.usage.times(method, finished)) is not None:
        time["operating_reset_at"] = operating[1]
        time["operating"] = number(operating[0])
    return time


def number(value: float) -> float | int:
    """A number as PHP's JSON shows it: a whole one without decimal point."""
    return int(value) if value == int(value) else value


def to_json(data: Any) -> bytes:
    r"""The portal's JSON: ``< > & ' "`` as ``\u00XX``, slashes escaped, other letters as they are.

    What cannot be encoded becomes an error, for which the portal keeps the status of a success.
    """
    try:
        text = _dumps(data)
    except ValueError:  # a number that is not finite
        return _WRONG_ENCODING
    if '\\"' in text:
        text = _ESCAPED.sub(lambda match: "\\u0022" if match[1] == '"' else match[0], text)
    for plain, escaped in _IN_STRINGS:
        if plain in text:
            text = text.replace(plain, escaped)
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        return _WRONG_ENCODING


def to_xml(data: Any) -> bytes:
    """The portal's XML: no declaration, ``<item>`` for numbered keys, true as ``1``."""
    return ("<response>" + _xml(data) + "</response>").encode("utf-8", "xmlcharrefreplace")


def _xml(value: Any) -> str:
    if isinstance(value, (dict, list)):
        parts = []
        for key, each in php.array_items(value):
            tag = "item" if key.isdigit() else key
            parts.append(f"<{tag}>{_xml(each)}</{tag}>")
        return "".join(parts)
    return escape(php.to_str(value), {'"': "&quot;", "'": "&apos;"})
