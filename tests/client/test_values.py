"""Every value can be given to every reader: it is read, or it is ``None``."""

from __future__ import annotations

from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitrix24.client.values import absent, moment, number, shown, text, whole
from tests.support.odd_values import decoded, odd, printable

anything = odd.map(decoded)


@given(anything)
def test_each_reader_reads_or_says_none(value):
    assert whole(value) is None or -(2**63) < whole(value) < 2**63
    assert type(whole(value)) in (int, type(None))
    assert number(value) is None or isfinite(number(value))
    assert text(value) is None or 0 < len(text(value)) <= 255
    assert text(value) is None or printable(text(value))
    assert moment(value) is None or moment(value).isoformat()
    assert printable(shown(value))
    assert absent(value) in (True, False)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((each, 57) for each in (57, "57", 57.0)),
        *(
            (each, None)
            for each in (None, "", True, "57.0", " 57", "\u00b2", "\u0665", "9" * 5000, 2**63, 1.5, [57], {})
        ),
        *((each, -5) for each in (-5, "-5")),
        (float("inf"), None),
        (float("nan"), None),
        (2**63 - 1, 2**63 - 1),
    ],
)
def test_whole_numbers(value, expected):
    assert whole(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1, 1.0), ("1.5", 1.5), ("x", None), (True, None), ("1e999", None), (10**400, None), ([], None), ("1" * 41, None)],
)
def test_numbers(value, expected):
    assert number(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("C5:WON", "C5:WON"),
        ("Новая", "Новая"),
        (5, "5"),
        *((each, None) for each in ("", None, True, 1.5, [], {}, "a\x00", "a\nb", "\ud800", "x" * 256, 10**400)),
    ],
)
def test_texts(value, expected):
    assert text(value) == expected


@given(st.from_regex(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}:[0-9]{2}([+-][0-9]{2}:[0-9]{2}|Z)?)?\Z"))
def test_whatever_looks_like_a_date_is_one_or_none(value):
    assert moment(value) is None or moment(value).isoformat()


@pytest.mark.parametrize(
    "value", ["0001-01-01T00:00:00-30:00", "2026-11-03T10:20:30+24:00", "2026-11-31T10:20:30+03:00"]
)
def test_a_moment_that_cannot_be_is_none(value):
    assert moment(value) is None


@pytest.mark.parametrize("value", ["2026-11-03T10:20:30+03:00", "2026-11-03T10:20:30", "2026-11-03"])
def test_a_moment_keeps_its_offset(value):
    assert moment(value).isoformat().startswith(value)


@pytest.mark.parametrize(
    "value", [None, 1700000000, "1700000000", "2026-W45", "P1Y", "now", "2026-13-01", "0000-00-00"]
)
def test_what_is_no_moment(value):
    assert moment(value) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        ("", ""),
        ("Access denied", "Access denied"),
        (100, "100"),
        (["a"], "['a']"),
        ("a\x00b\ud800c\nd", "a b c d"),
        ("word " * 400, "word " * 198 + "word ..."),
        ("https://x/rest/1/" + "s" * 2000, "..."),
    ],
)
def test_a_value_in_a_message_is_short_and_can_be_printed(value, expected):
    assert shown(value) == expected


SECRET = "s3cr3t0fth3w3bh00k"
ADDRESS = f"https://example.bitrix24.com/rest/1/{SECRET}/"


@pytest.mark.parametrize(
    "value", [{"u": ADDRESS}, [ADDRESS], [[[ADDRESS]]], {ADDRESS: 1}, {"u": f"{'word ' * 80}{ADDRESS}"}, ["x" * 400]]
)
def test_a_secret_in_a_value_is_shown_whole_so_that_it_is_recognized_and_hidden_or_not_at_all(value):
    rest = shown(value).replace(SECRET, "")

    assert not any(SECRET[start : start + 4] in rest for start in range(len(SECRET) - 3))
    assert len(rest) < 300
