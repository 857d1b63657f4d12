"""The envelope: PHP reads what is sent as it was meant, and no answer breaks the reader."""

from __future__ import annotations

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitrix24 import __version__
from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.portal import Portal
from airflow_provider_bitrix24.client.protocol.php_query import php_query
from airflow_provider_bitrix24.client.protocol.wire import (
    HEADERS,
    NO_TIMING,
    Call,
    HttpRequest,
    HttpResponse,
    Timing,
    decode,
    encode,
    reply_from,
    timing_from,
)

PORTAL = Portal(base_url="https://example.bitrix24.com", user_id="1", secret="s3cr3t")
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize("value", [b"x", date(2026, 1, 1), {1, 2}, object(), "\ud800", {"\udfff": 1}, [["\ud800"]]])
def test_a_value_that_no_portal_can_read_is_refused_in_a_batch_and_outside(value):
    with pytest.raises(ConfigurationError, match="cannot be sent") as in_batch:
        php_query({"value": value})
    with pytest.raises(ConfigurationError, match="cannot be sent") as outside:
        encode(PORTAL, Call("some.method", {"value": value}))
    for caught in (in_batch, outside):
        assert caught.value.hint
        assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_json_cannot_write_are_refused(value):
    with pytest.raises(ConfigurationError, match="cannot be sent"):
        encode(PORTAL, Call("some.method", {"value": value}))
    with pytest.raises(ConfigurationError, match="cannot be sent"):
        php_query({"value": value})


def test_parameters_that_contain_themselves_are_refused():
    endless: dict[str, object] = {}
    endless["again"] = endless
    with pytest.raises(ConfigurationError, match="cannot be sent"):
        encode(PORTAL, Call("some.method", endless))
    with pytest.raises(ConfigurationError, match="cannot be sent"):
        php_query(endless)


def test_a_request_is_a_json_post_with_our_name_and_shows_neither_url_nor_body():
    request = encode(PORTAL, Call("scope", {"name": "Привет"}))
    assert request == HttpRequest("scope", "https://example.bitrix24.com/rest/1/s3cr3t/scope", request.body)
    assert json.loads(request.body) == {"name": "Привет"}
    assert "s3cr3t" not in repr(request)
    assert "body" not in repr(HttpResponse(status=200, body=b"body"))
    assert HEADERS["User-Agent"] == f"airflow-provider-bitrix24/{__version__}"
    assert HEADERS["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b'{"result":', b"[1]", b"1", b'"text"', b"null", b"\xff\xfe", b"\x80abc", b"[" * 100_000],
)
def test_anything_but_a_json_object_is_nothing(body):
    assert decode(body) is None


def test_json_is_read_with_or_without_a_byte_order_mark():
    assert decode('{"result": "ы"}'.encode()) == decode('\ufeff{"result": "ы"}'.encode()) == {"result": "ы"}


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (50, 50),
        ("50", 50),
        (50.0, 50),
        (None, None),
        (True, None),
        ("x", None),
        ([], None),
        ("inf", None),
        ("nan", None),
        (1e400, None),
        (10**400, None),
    ],
)
def test_counters_are_numbers_or_absent(value, number):
    reply = reply_from({"result": [], "total": value, "next": value})
    assert (reply.total, reply.next) == (number, number)


@pytest.mark.parametrize(
    ("time", "timing"),
    [
        ({"operating": 500, "operating_reset_at": 4e8, "finish": 1}, Timing(500.0, 600.0, 1.0)),
        ({"operating": -1e308, "operating_reset_at": 1e308, "finish": -1e308}, Timing(None, 600.0, -1e308)),
        ({"operating": "1e308", "operating_reset_at": 1, "finish": 1e308}, Timing(None, 0.0, 1e308)),
        ({"operating": 1.5, "operating_reset_at": 700, "finish": 100.25}, Timing(1.5, 599.75, 100.25)),
        ({"operating": "1.5", "operating_reset_at": "700", "finish": "100"}, Timing(1.5, 600.0, 100.0)),
        ({"operating": 1, "operating_reset_at": 90, "finish": 100}, Timing(1.0, 0.0, 100.0)),
        ({"operating": 1, "finish": 100}, Timing(1.0, None, 100.0)),
        ({"operating": True, "operating_reset_at": None}, NO_TIMING),
        ({"operating": float("inf"), "operating_reset_at": float("nan"), "finish": 100}, Timing(None, None, 100.0)),
        ({"start": 99, "finish": 100}, Timing(None, None, 100.0, 99.0)),
        ([], NO_TIMING),
        (None, NO_TIMING),
        ("soon", NO_TIMING),
    ],
)
def test_the_portals_timing_is_read_as_seconds_from_its_own_clock(time, timing):
    assert timing_from(time) == timing
    assert reply_from({"result": 1, "time": time}).timing == timing


SCALARS = st.none() | st.booleans() | st.floats() | st.integers() | st.text()


@given(st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner)))
def test_no_envelope_breaks_the_reader(junk):
    reply = reply_from({"result": junk, "total": junk, "next": junk, "time": junk})
    assert reply.result is junk
    timing_from({"operating": junk, "operating_reset_at": junk, "finish": junk})
