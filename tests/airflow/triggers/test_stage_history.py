from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.errors import ProtocolError
from airflow_provider_bitrix24.triggers._stage_history import StageHistoryQuery, newest_id


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

    move = StageHistoryQuery.parse("DEAL", None, None).read(row)

    assert (move.history_id, move.target, move.category_id) == (12, "DEAL_57", 5)


@pytest.mark.parametrize("row", [None, [], {}, {"ID": "x"}, {"ID": 1, "OWNER_ID": None}, "row"])
def test_a_malformed_row_is_a_protocol_error(row):
    with pytest.raises(ProtocolError):
        StageHistoryQuery.parse("DEAL", None, None).read(row)
    with pytest.raises(ProtocolError):
        newest_id([None if row == {"ID": 1, "OWNER_ID": None} else row])
