"""PHP reads a command's parameters as they were meant; what its notation cannot carry is refused, never changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitrix24.client.plain import plain_params
from airflow_provider_bitrix24.client.protocol.batch import command
from airflow_provider_bitrix24.client.protocol.php_query import NotWritableError, php_query
from airflow_provider_bitrix24.client.protocol.wire import Call
from airflow_provider_bitrix24.simulator import php

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
ANYTHING = st.recursive(
    TEXT | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="[]\0 ."), min_size=1).filter(
    lambda name: not name[0].isspace()
)
ORDINARY = st.recursive(
    TEXT | st.integers() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(NAMES, inner, min_size=1, max_size=3),
    max_leaves=8,
)


def as_php_has_it(value):
    """What PHP holds after it has read a value from JSON, with every scalar as the text that PHP makes of it."""
    if isinstance(value, (dict, list)):
        return {key: as_php_has_it(inner) for key, inner in php.array_items(value)}
    return "0" if value is False else php.to_str(value)  # false and "0" are the same to PHP


@given(st.dictionaries(NAMES, ORDINARY | st.none(), max_size=4))
def test_ordinary_parameters_are_carried_and_php_reads_them_as_it_reads_json(params):
    sent = {name: value for name, value in plain_params(params).items() if value is not None}
    assert php.parse_query(php_query(params)) == as_php_has_it(sent)


@given(st.dictionaries(TEXT, ANYTHING, max_size=4))
def test_php_reads_from_a_command_what_it_reads_from_json_or_the_command_is_refused(params):
    try:
        query = php_query(params)
    except NotWritableError:
        return
    sent = {name: value for name, value in plain_params(params).items() if value is not None}
    assert php.parse_query(query) == as_php_has_it(sent)


@pytest.mark.parametrize(
    "code",
    [
        "a&b=c",
        "=",
        "#",
        "%26",
        "%",
        "+",
        "a b",
        " ",
        "Привет",
        "日本",
        "$result",
        ";",
        "'\"<>",
        "\\",
        "\t\n",
        "0",
        "",
    ],
)
def test_every_text_arrives_in_a_command_as_it_is(code):
    text = command(Call("crm.automation.trigger", {"target": "DEAL_57", "code": code}))
    method, _, query = text.partition("?")
    assert method == "crm.automation.trigger"
    assert php.parse_query(query.partition("#")[0]) == {"target": "DEAL_57", "code": code}


def test_numbers_booleans_and_none_are_written_for_php():
    params = {"a": True, "b": False, "c": None, "d": 1.5, "g": (1,), "h": 2.0, "i": {"x": 1e300}}
    assert php_query(params) == "a=1&b=0&d=1.5&g%5B0%5D=1&h=2&i%5Bx%5D=1e%2B300"
    assert php_query({"select": ["id"], "filter": {">=id": 5, "@stageId": ["C5:NEW"]}}) == (
        "select%5B0%5D=id&filter%5B%3E%3Did%5D=5&filter%5B%40stageId%5D%5B0%5D=C5%3ANEW"
    )
    assert command(Call("scope")) == "scope"


def test_an_empty_filter_or_order_is_the_same_as_none():
    assert php_query({"entityTypeId": 2, "filter": {}, "ORDER": [], "start": -1}) == "entityTypeId=2&start=-1"


@pytest.mark.parametrize(
    ("params", "what"),
    [
        ({"fields": {"title": None}}, "None inside"),
        ({"ids": [1, None]}, "None inside"),
        ({"select": []}, "an empty list"),
        ({"filter": {"@id": []}}, "an empty list"),
        ({"fields": {}}, "an empty list"),
        ({"fields": {"observers": []}}, "an empty list"),
        ({"fields": [[]]}, "an empty list"),
        ({"fields": {"a]b": 1}}, "a name"),
        ({"fields": {"": 1}}, "a name"),
        ({"fields": {" a": 1}}, "a name"),
        ({"fields": {"a\0b": 1}}, "a name"),
        ({"a.b": 1}, "the name of a parameter"),
        ({"a b": 1}, "the name of a parameter"),
        ({"a[b": 1}, "the name of a parameter"),
        ({"": 1}, "the name of a parameter"),
        ({"ids": list(range(1001))}, "1,000 values"),
    ],
)
def test_what_php_would_read_as_something_else_is_refused(params, what):
    with pytest.raises(NotWritableError, match=what):
        php_query(params)


def test_a_thousand_values_and_sixty_levels_are_carried_and_no_more():
    assert len(php.parse_query(php_query({"ids": list(range(1000))}))["ids"]) == 1000
    deep: object = 1
    for _ in range(60):
        deep = [deep]
    found = php.parse_query(php_query({"x": deep}))["x"]
    for _ in range(60):
        found = found["0"]
    assert found == "1"
    with pytest.raises(NotWritableError, match="deeply"):
        php_query({"x": [deep]})


def test_a_text_that_the_portal_would_take_for_a_reference_is_refused_unless_it_is_meant_as_one():
    call = Call("crm.item.update", {"fields": {"title": ["see $result[c0][item][title]"]}})
    with pytest.raises(NotWritableError, match="take for a reference"):
        command(call)
    assert "%24result%5Bc0%5D" in command(call, refers=True)
