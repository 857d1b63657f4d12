from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitrix24.client.errors import ProtocolError
from airflow_provider_bitrix24.triggers._stage_history import StageHistoryQuery, newest_id
from tests.support.odd_values import decoded, odd, printable


def test_different_queries_have_different_cursors():
    queries = [
        StageHistoryQuery.parse("DEAL", None, None),
        StageHistoryQuery.parse("DEAL", "WON", None),
        StageHistoryQuery.parse("DEAL", None, 0),
        StageHistoryQuery.parse("LEAD", None, None),
    ]
    keys = {each.key(conn_id) for each in queries for conn_id in ("one", "two")}

    assert len(keys) == 8


def test_numbers_in_rows_may_be_strings():
    row = {
        "ID": "12",
        "OWNER_ID": "57",
        "CATEGORY_ID": "5",
        "STAGE_ID": "C5:WON",
        "CREATED_TIME": "2026-11-03T10:20:30+03:00",
    }

    [move] = StageHistoryQuery.parse("DEAL", None, None).read([row], cursor=0).moves

    assert (move.history_id, move.target, move.category_id) == (12, "DEAL_57", 5)


ROW = {"ID": 12, "OWNER_ID": 57, "CATEGORY_ID": 5, "STAGE_ID": "C5:WON", "CREATED_TIME": "2026-11-03T10:20:30+03:00"}


@pytest.mark.parametrize(
    "odd", [None, [], {}, "row", {"ID": "x"}, *({**ROW, name: value} for name in ROW for value in ([], "\u00b2" * 300))]
)
def test_a_row_that_cannot_be_read_keeps_back_no_other(odd):
    page = StageHistoryQuery.parse("DEAL", None, None).read([odd, {**ROW, "ID": "13"}], cursor=11)

    assert [move.history_id for move in page.moves] == [13]
    assert (page.unreadable, page.cursor, page.more) == (1, 13, False)


def test_rows_that_were_read_before_are_not_read_again():
    rows = [{**ROW, "ID": number} for number in range(1, 51)]
    query = StageHistoryQuery.parse("DEAL", None, None)

    assert [move.history_id for move in query.read(rows, cursor=48).moves] == [49, 50]
    assert query.read(rows, cursor=48).more is True
    page = query.read(rows, cursor=50)
    assert (page.moves, page.cursor, page.more) == ((), 50, False)


@pytest.mark.parametrize("row", [None, [], {}, {"ID": "x"}, {"ID": "\u00b2"}, {"ID": True}, "row"])
def test_a_history_without_numbers_is_an_error_of_ours(row):
    with pytest.raises(ProtocolError) as raised:
        StageHistoryQuery.parse("DEAL", None, None).read([row], cursor=0)
    assert not raised.value.permanent
    with pytest.raises(ProtocolError):
        newest_id([row])


@given(rows=st.lists(odd.map(decoded) | st.dictionaries(st.sampled_from(list(ROW)), odd.map(decoded)), max_size=5))
def test_any_rows_are_read_or_refused(rows):
    try:
        page = StageHistoryQuery.parse("DEAL", None, None).read(rows, cursor=3)
    except ProtocolError:
        return
    assert page.cursor >= 3
    for move in page.moves:
        assert printable(json.dumps(move.as_payload("https://example.com"), ensure_ascii=False, allow_nan=False))


def test_the_stage_is_asked_for_without_a_prefix_that_older_portals_do_not_know():
    asked = StageHistoryQuery.parse("DEAL", ["WON", "NEW"], 0).after(5)
    assert asked["filter"] == {">ID": 5, "STAGE_ID": ["NEW", "WON"], "CATEGORY_ID": 0}
    assert StageHistoryQuery.parse("LEAD", "NEW", None).after(5)["filter"] == {">ID": 5, "STATUS_ID": ["NEW"]}


@pytest.mark.parametrize(
    ("stage", "category", "fired"),
    [
        ("C5:WON", None, [12, 14]),
        (["C5:WON", "C5:NEW"], 5, [12, 13]),
        (None, 5, [12, 13]),
        (None, None, [12, 13, 14]),
        ("C5:LOSE", None, []),
    ],
)
def test_rows_that_were_not_asked_for_are_no_events(stage, category, fired):
    rows = [ROW, {**ROW, "ID": 13, "STAGE_ID": "C5:NEW"}, {**ROW, "ID": 14, "CATEGORY_ID": 6}]

    page = StageHistoryQuery.parse("DEAL", stage, category).read(rows, cursor=11)

    assert [move.history_id for move in page.moves] == fired
    assert (page.cursor, page.unreadable) == (14, 0)


def test_a_row_without_a_pipeline_is_taken_as_one_of_the_pipeline_that_was_asked_for():
    row = {name: value for name, value in ROW.items() if name != "CATEGORY_ID"}

    assert len(StageHistoryQuery.parse("DEAL", None, 5).read([row], cursor=11).moves) == 1
