"""Bare ids: every shape in which a query gives them, and what a message says of a row that holds none."""

from __future__ import annotations

import contextlib
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitrix24.client.bare_ids import parse_entity_type, rows_of
from airflow_provider_bitrix24.client.entity_ref import EntityRef
from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.targets import parse_targets

SECRET = "s3cr3t0fth3w3bh00k"


class Row(NamedTuple):
    """A row of a database that names its columns."""

    id: Any
    title: str


def read(target, entity_type="DEAL"):
    return [str(ref) for ref in parse_targets(target, entity_type)]


@pytest.mark.parametrize(
    "target",
    [
        57,
        "57",
        " 057 ",
        "\ufeff57",
        57.0,
        Decimal(57),
        Decimal("57.00"),
        Fraction(57),
        (57,),
        [57],
        {57},
        {"id": 57},
        {"ID": "57", "title": "Desk"},
        {"deal_id": 57},
        Row(57, "Desk"),
        "DEAL_57",
        EntityRef(2, 57),
        [(57,)],
        [[57]],
        [["57"]],
        [{"id": 57, "title": "Desk"}],
        [Row(57, "Desk")],
        [{"id": "deal_57"}],
        range(57, 58),
        pd.Series([57]),
        pd.Series([57.0]),
        pd.Series([57], dtype="Int64"),
        pd.DataFrame({"deal": [57]}),
        pd.DataFrame({"title": ["Desk"], "ID": [57]}),
        pd.DataFrame({"deal": [57]}).to_dict("records"),
        list(pd.DataFrame({"deal": [57]}).itertuples(index=False)),
        pd.Series([57]).to_numpy(),
        pd.DataFrame({"deal": [57]}).to_numpy(),
        pd.Series([57]).to_numpy()[0],
    ],
    ids=repr,
)
def test_one_id_in_every_shape(target):
    assert read(target) == ["DEAL_57"]


def test_rows_of_a_query_keep_their_order_and_come_once():
    assert read([(58,), (57,), ("58",), (58.0,)]) == ["DEAL_58", "DEAL_57"]


def test_a_generator_is_read_once():
    assert read(number for number in (1, 2)) == ["DEAL_1", "DEAL_2"]


def test_full_targets_keep_their_own_type():
    assert read([57, "LEAD_4", (58,), EntityRef(7, 3)]) == ["DEAL_57", "LEAD_4", "DEAL_58", "QUOTE_3"]


def test_lists_of_mapped_tasks_are_taken_as_one_list():
    assert read([["DEAL_1", "LEAD_2"], [], [3], "4"]) == ["DEAL_1", "LEAD_2", "DEAL_3", "DEAL_4"]
    assert read([{"LEAD_1": "NEW", "DEAL_2": "WON"}, {"id": 3}]) == ["LEAD_1", "DEAL_2", "DEAL_3"]


def test_no_rows_are_nothing_to_do():
    assert read([]) == []
    assert read(pd.DataFrame({"id": []})) == []


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (None, "target[1] is None: an id is missing."),
        (True, "target[1] is True: a truth value is not an id."),
        (pd.Series([True])[0], "a truth value is not an id."),
        (1.5, "target[1] is 1.5: an id has no fraction."),
        (Decimal("1.5"), "an id has no fraction."),
        (float("nan"), "target[1] is nan: it is not a number"),
        (float("inf"), "it is not a number"),
        (1e17, "is not exact as a float."),
        (0, "target[1] is 0: an id is a positive whole number."),
        (-57, "an id is a positive whole number."),
        (2**63, "the id is too large; the largest is 9223372036854775807."),
        ("9" * 25, "is too large"),
        ("57.0", "the id '57.0' is not a whole number; write 57."),
        ("57,58", "it names several entities; pass a list, such as ['57', '58']."),
        ("Desk", "target[1] is 'Desk': it is neither an id nor a target."),
        ("Deal-57", "it is neither an id nor a target."),
        (date(2026, 11, 26), "a date is not an id."),
        ("0", "target[1] is '0'"),
        ("57abc", "target[1] is '57abc'"),
        ("", "it is empty"),
        ("D_57", "write DEAL_57"),
        ("{{ ti.xcom_pull('ids') }}", "the template was not rendered"),
        ((57, "Desk"), "target[1] is (57, 'Desk'): it has 2 columns without names."),
        ((), "it has 0 columns"),
        ([(57,)], "a tuple is not an id"),
        ((None,), "target[1] is (None,): its id is missing."),
        ({"id": None}, "its id is missing."),
        ({"id": [57, 58]}, "a list is not an id."),
        ({}, "none of its 0 columns"),
        ({"deal": 57, "title": "Desk"}, "none of its 2 columns are named id."),
        ({"id": 57, "ID": 58}, "several of its 2 columns are named id."),
        (b"57", "target[1] is b'57'"),
        (pd.NA, "target[1] is <NA>: an id is missing."),
        (pd.NaT, "an id is missing."),
        ({"id": pd.NA}, "its id is missing."),
        (object, "target[1] is a type: a type is not an id."),
    ],
    ids=repr,
)
def test_a_row_without_an_id_is_named_by_its_number_and_its_value(row, says):
    with pytest.raises(ConfigurationError) as raised:
        parse_targets([57, row, 58], "DEAL")

    assert "nothing was sent" in raised.value.message
    assert says in raised.value.message


def test_a_message_names_ten_rows_and_counts_the_rest():
    with pytest.raises(ConfigurationError) as raised:
        parse_targets([None] * 12 + [57], "DEAL")

    assert raised.value.message.startswith("12 targets are malformed; nothing was sent. target[0] is None")
    assert "target[9]" in raised.value.message
    assert "target[10]" not in raised.value.message
    assert "(and 2 more)" in raised.value.message


@pytest.mark.parametrize(
    "row",
    [
        f"https://p/rest/1/{SECRET}/",
        ("x", f"https://p/rest/1/{SECRET}/"),
        ("x", f"example.bitrix24.com/rest/1/{SECRET}"),
        [["x", f"example.bitrix24.com/rest/1/{SECRET}"]],
        {"url": f"example.bitrix24.com/rest/1/{SECRET}", "x": 1},
        f"example.bitrix24.com/rest/1/{SECRET}".encode(),
        bytearray(f"example.bitrix24.com/rest/1/{SECRET}".encode()),
    ],
)
@pytest.mark.parametrize("entity_type", [None, "DEAL"])
def test_no_part_of_a_webhook_among_the_rows_is_repeated(row, entity_type):
    with pytest.raises(ConfigurationError) as raised:
        parse_targets([row], entity_type)

    assert not any(SECRET[start : start + 6] in str(raised.value) for start in range(len(SECRET) - 5))


@pytest.mark.parametrize(
    ("target", "says"),
    [
        (None, "target is None"),
        (b"57", "target is of type bytes"),
        ("[57, 58]", "begins with '['"),
        (pd.DataFrame({"deal": [57], "title": ["Desk"]}), "target is a data frame: none of its 2 columns"),
    ],
    ids=repr,
)
def test_what_holds_no_ids_is_refused_as_a_whole(target, says):
    with pytest.raises(ConfigurationError, match=says.replace("[", r"\[")):
        parse_targets(target, "DEAL")


@pytest.mark.parametrize(
    ("written", "type_id"),
    [("DEAL", 2), ("deal", 2), (" Lead ", 1), ("SMART_INVOICE", 31), ("DYNAMIC_177", 177), ("DYNAMIC_2", 2)],
)
def test_types_are_spelt_as_in_targets(written, type_id):
    assert parse_entity_type(written) == type_id


@pytest.mark.parametrize(
    "written", ["", "FOO", 2, True, "T80", "D", "DEAL_57", "DYNAMIC", "INVOICE", "DEAL,LEAD", ["DEAL"]]
)
def test_other_types_are_refused_with_the_known_ones(written):
    with pytest.raises(ConfigurationError) as raised:
        parse_targets([57], written)

    assert "entity_type is" in raised.value.message
    assert "DYNAMIC_177" in raised.value.hint


def test_without_a_type_a_bare_id_is_an_error_that_says_what_to_set():
    for target in (57, [57], ["57"], [(57,)]):
        with pytest.raises(ConfigurationError, match='entity_type="DEAL"'):
            parse_targets(target)
    with pytest.raises(ConfigurationError) as raised:
        parse_targets(["D_57"])
    assert "entity_type" not in str(raised.value)


@given(st.lists(st.integers(min_value=1, max_value=2**53), unique=True))
def test_every_shape_of_a_column_gives_the_same_targets(ids):
    expected = [f"DEAL_{number}" for number in ids]

    for shape in (ids, [str(each) for each in ids], [(each,) for each in ids], [{"id": each} for each in ids]):
        assert read(shape) == expected
    assert read([float(each) for each in ids]) == expected
    assert read(pd.Series(ids, dtype="int64")) == expected


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text() | st.binary() | st.integers(), st.lists))
def test_whatever_a_query_gives_is_read_or_refused(value):
    with contextlib.suppress(ConfigurationError):
        assert all(isinstance(ref, EntityRef) for ref in parse_targets(value, "DEAL"))


def test_rows_of_a_function_that_returns_a_column():
    assert rows_of(pd.Series([57, 58])) == [57, 58]
    assert rows_of("DEAL_57") == ["DEAL_57"]


def test_a_data_frame_without_a_type_is_refused_as_one():
    with pytest.raises(ConfigurationError) as caught:
        parse_targets(pd.DataFrame({"target": ["DEAL_57"]}))
    assert caught.value.message == "target is a data frame."
    assert 'frame["target"]' in caught.value.hint
    assert [str(ref) for ref in parse_targets(pd.Series(["DEAL_57", "LEAD_4"]))] == ["DEAL_57", "LEAD_4"]


def test_an_array_without_dimensions_is_the_one_value_in_it():
    id_, text, target = (pd.Series([each]).to_numpy().reshape(()) for each in (57, "57", "DEAL_57"))

    assert read(id_) == read(text) == ["DEAL_57"]
    assert [str(ref) for ref in parse_targets(target)] == ["DEAL_57"]
