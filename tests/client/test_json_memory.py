from __future__ import annotations

import json
import tracemalloc
from functools import cache

import pytest

from airflow_provider_bitrix24.client.errors import OutcomeUnknown
from airflow_provider_bitrix24.client.json_memory import MAX_MEMORY, fits_in_memory, memory_to_read
from airflow_provider_bitrix24.client.protocol.error_codes import classify
from airflow_provider_bitrix24.client.protocol.wire import HttpResponse, Reply

SIZE = 600_000


def items(piece, size=SIZE):
    return b"[" + piece * (size // len(piece)) + b"0]"


def text(piece, last=""):
    return json.dumps(piece * SIZE + last, ensure_ascii=False).encode()


def row(number, fields=100):
    shown = {f"ufCrm_{1700000 + each}": f"value {number * 7 + each}" for each in range(fields)}
    return json.dumps({"id": number, **shown}, separators=(",", ":")).encode()


ROWS = b"[" + b",".join(row(number) for number in range(SIZE // 2800)) + b"]"
SHAPES = {
    "empty lists": items(b"[],"),
    "lists": items(b"[0],"),
    "nested lists": items(b"[[[[[]]]]],"),
    "empty objects": items(b"{},"),
    "objects": items(b'{"":0},'),
    "objects in objects": items(b'{"a":{"b":{"c":{}}}},'),
    "lists in objects": items(b'{"a":[]},'),
    "names": b"{" + b",".join(b'"%x":0' % number for number in range(SIZE // 9)) + b"}",
    "objects with names": b"[" + b",".join(b'{"%x":0}' % number for number in range(SIZE // 12)) + b"]",
    "numbers": items(b"999,"),
    "fractions": items(b"1e1,"),
    "short texts": items(b'"ab",'),
    "texts that look like constants": items(b'":null,",'),
    "wide letters": items('"\u20ac",'.encode()),
    "constants": items(b'{"a":null,"b":true,"c":""},'),
    "middling texts": items(b'"' + b"a" * 40 + b'",'),
    "a text": text("a"),
    "a text with one wide letter": text("a", "\U0001f600"),
    "a text of wide letters": text("\u0434"),
    "a text with an escape": b'"' + b"a" * SIZE + b'\\n"',
    "a text with an escaped wide letter": b'"' + b"a" * SIZE + b'\\ud83d\\ude00"',
    "rows": ROWS,
}


@cache
def taken(body):
    """Bytes that reading takes at its height, as Python counts them: it counts slowly, so once for each text."""
    tracemalloc.start()
    try:
        kept = json.loads(body)
        return tracemalloc.get_traced_memory()[1] + len(body)
    finally:
        tracemalloc.stop()
        del kept


@pytest.mark.parametrize("body", SHAPES.values(), ids=SHAPES)
def test_the_estimate_is_hardly_ever_too_low(body):
    assert memory_to_read(body) > 0.85 * taken(body)


def test_rows_as_a_portal_sends_them_are_not_overrated():
    assert memory_to_read(ROWS) < 1.5 * taken(ROWS)
    assert fits_in_memory(b"[" + b",".join([ROWS] * 22) + b"]")


@pytest.mark.parametrize("body", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("share", [1, 2, 10, 100])
def test_what_fits_by_the_count_fits(body, share):
    budget = max(MAX_MEMORY // share, 2_000_000)
    if memory_to_read(body) <= budget:
        assert fits_in_memory(body, share=share)
    if fits_in_memory(body, share=share):
        assert 0.85 * taken(body) <= budget


def test_an_answer_that_cannot_be_read_is_lost():
    body = b'{"result":' + items(b"[],", 3_000_000) + b"}"
    error = classify("m", HttpResponse(status=200, body=body))
    assert type(error) is OutcomeUnknown
    assert str(error).startswith("m: reading the answer (3.0 MB) would take too much memory. Ask for fewer")


def test_answers_that_are_read_together_share_the_memory():
    response = HttpResponse(status=200, body=b'{"result":' + items(b"[0],", 900_000) + b"}")
    assert isinstance(classify("m", response), Reply)
    assert isinstance(classify("m", response, share=4), OutcomeUnknown)
