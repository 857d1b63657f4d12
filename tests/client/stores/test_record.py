"""How a value is kept as text: what others wrote is never trusted."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitrix24.client.errors import SharedStoreError
from airflow_provider_bitrix24.client.stores.record import Record, apply, decode

WRITTEN = {"form": 1, "at": 100.0, "ahead": 0.0, "value": "kept"}


def test_a_record_is_read_as_it_was_written():
    text, answer = apply(None, 100.0, lambda value, now: ({"seen": value}, now))
    assert (decode(text, 100.0), answer) == (Record({"seen": None}, 100.0, 0.0), 100.0)


@pytest.mark.parametrize(
    "text",
    [
        "", "null", "[]", "5", "{}", "{", "[" * 20_000, "x" * 40_000, b"\xff\xfe", '{"form":1,"at":NaN}',
        *(json.dumps(WRITTEN | odd) for odd in (
            {"form": 0}, {"form": "1"}, {"at": None}, {"at": "100"}, {"at": 10**400}, {"at": 1e300}, {"at": True},
            {"ahead": -1.0}, {"ahead": 1e300}, {"ahead": []},
        )),
        '{"form":1,"at":1e999,"ahead":0,"value":1}',
    ],
)  # fmt: skip
def test_what_cannot_be_read_counts_as_empty(text):
    assert decode(text, 100.0) == Record()
    assert apply(text, 100.0, lambda value, now: (1, (value, now)))[1] == (None, 100.0)


def test_what_a_newer_version_wrote_is_not_overwritten():
    with pytest.raises(SharedStoreError, match="newer version"):
        apply(json.dumps(WRITTEN | {"form": 2}), 100.0, lambda *_: (1, None))


SECONDS = st.floats(0, 1e8)


@given(at=SECONDS, ahead=SECONDS, clocks=st.lists(SECONDS, min_size=2, max_size=5))
def test_whatever_is_kept_time_never_goes_back(at, ahead, clocks):
    text, times = json.dumps(WRITTEN | {"at": at, "ahead": ahead}), []
    for clock in clocks:
        text, now = apply(text, clock, lambda value, now: (value, now))
        times.append(now)
    assert times == sorted(times)
