"""PHP's rules, one by one; expectations follow main/php_variables.c and the language reference."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.simulator import php


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {}),
        ("a=1&b=2", {"a": "1", "b": "2"}),
        ("a", {"a": ""}),
        ("a=1&a=2", {"a": "2"}),
        ("=1&&a=2", {"a": "2"}),
        ("a=b=c", {"a": "b=c"}),
        ("a=x+y%20z%2B", {"a": "x y z+"}),
        ("na+me=1&a.b=2&a%2Ec=3", {"na_me": "1", "a_b": "2", "a_c": "3"}),
        ("++a=1", {"a": "1"}),
        ("a[b]=1&a[c]=2", {"a": {"b": "1", "c": "2"}}),
        ("a[]=1&a[]=2", {"a": {"0": "1", "1": "2"}}),
        ("a[5]=1&a[]=2&a[x]=3&a[]=4", {"a": {"5": "1", "6": "2", "x": "3", "7": "4"}}),
        ("a[05]=1&a[]=2", {"a": {"05": "1", "0": "2"}}),
        ("a[b][c][]=1&a[b][c][]=2", {"a": {"b": {"c": {"0": "1", "1": "2"}}}}),
        ("a[][x]=1&a[][x]=2", {"a": {"0": {"x": "1"}, "1": {"x": "2"}}}),
        ("a=1&a[b]=2", {"a": {"b": "2"}}),
        ("a[b]=1&a=2", {"a": "2"}),
        ("a[b=1", {"a_b": "1"}),
        ("a[b.c=1", {"a_b_c": "1"}),
        ("a[b]c=1", {"a": {"b": "1"}}),
        ("a[b]c[d]=1", {"a": {"b": "1"}}),
        ("[a]=1", {}),
        ("a[ ]=1", {"a": {"0": "1"}}),
        ("a[b.c]=1&a[d e]=2", {"a": {"b.c": "1", "d e": "2"}}),
        ("filter[>ID]=3&filter[@id][]=1", {"filter": {">ID": "3", "@id": {"0": "1"}}}),
        ("a%5Bb%5D=1", {"a": {"b": "1"}}),
        ("a%00b=1", {"a": "1"}),
        ("a=%FF", {"a": "\ufffd"}),
        ("a=%D0%AF&b=Я", {"a": "Я", "b": "Я"}),
        ("a=%zz&b=100%", {"a": "%zz", "b": "100%"}),
    ],
)
def test_parse_query(query, expected):
    assert php.parse_query(query) == expected


def test_the_thousand_and_first_variable_is_dropped():
    query = "&".join(f"a{number}=1" for number in range(1500))
    assert len(php.parse_query(query)) == 1000


def test_nesting_ends_at_64_levels():
    assert php.parse_query("a" + "[b]" * 64 + "=1") != {}
    deep = php.parse_query("a" + "[b]" * 70 + "=1")
    depth = 0
    while isinstance(deep, dict) and deep:
        deep = next(iter(deep.values()))
        depth += 1
    assert depth <= 66


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("57", 57), (" 57", 57), ("57 ", 57), ("57abc", 57), ("57.9", 57), ("1e3", 1000), ("1e3x", 1000), ("abc", 0),
        ("", 0), ("0", 0), ("-5", -5), ("+5", 5), (".5", 0), ("0x1A", 0), ("\u0661", 0),
        ("99999999999999999999", 9223372036854775807), ("-99999999999999999999", -9223372036854775808),
        ("9223372036854775806", 9223372036854775806), ("-9223372036854775807", -9223372036854775807),
        ("1234567890123456789x", 1234567890123456789), ("0" * 1200 + "57", 57),
        ("9" * 5000, 9223372036854775807), ("1e400", 9223372036854775807), ("-1e400", -9223372036854775808),
        (True, 1), (False, 0), (None, 0), (57, 57), (57.9, 57),
        (1e30, 0), ([], 0), ([0], 1), ({}, 0),
    ],
)  # fmt: skip
def test_to_int(value, expected):
    assert php.to_int(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((value, False) for value in ("0", "", 0, None, [], {}, 0.0, False)),
        *((value, True) for value in ("false", "00", " ", 1, [0])),
    ],
)
def test_truthy(value, expected):
    assert php.truthy(value) is expected


@pytest.mark.parametrize(
    ("value", "expected"), [(True, "1"), (False, ""), (None, ""), (5, "5"), (1.5, "1.5"), (2.0, "2"), ([1], "Array")]
)
def test_to_str(value, expected):
    assert php.to_str(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("5", True), (" 5", True), ("5 ", True), ("5.5e1", True), ("5a", False), ("", False), (True, False), (5, True)],
)
def test_is_numeric(value, expected):
    assert php.is_numeric(value) is expected


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({}, []),
        ({"0": "a", "1": "b"}, ["a", "b"]),
        ({"1": "b"}, {"1": "b"}),
        ({"1": "b", "0": "a"}, {"1": "b", "0": "a"}),
        ({"00": "a"}, {"00": "a"}),
        ({"a": 1}, {"a": 1}),
    ],
)
def test_encode_array(entries, expected):
    assert php.encode_array(entries) == expected
