"""Long lists: read by id where rows have one, else by the portal's counter, and to their end in any case."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.errors import ProtocolError
from airflow_provider_bitrix24.client.protocol.pagination import Page, first_page, read_page, rows
from airflow_provider_bitrix24.client.protocol.wire import Reply

FULL = [{"id": number} for number in range(1, 51)]


@pytest.mark.parametrize(
    ("method", "params", "asked"),
    [
        ("crm.item.list", {"entityTypeId": 2}, {"entityTypeId": 2, "order": {"id": "ASC"}, "start": -1}),
        ("CRM.Item.List", {}, {"order": {"id": "ASC"}, "start": -1}),
        ("crm.deal.list", {}, {"order": {"ID": "ASC"}, "start": -1}),
        ("crm.stagehistory.list", {}, {"order": {"ID": "ASC"}, "start": -1}),
        ("crm.item.list", {"select": ["id", "x"]}, {"select": ["id", "x"], "order": {"id": "ASC"}, "start": -1}),
        ("crm.item.list", {"select": ["*"]}, {"select": ["*"], "order": {"id": "ASC"}, "start": -1}),
        ("crm.item.list", {"order": {}}, {"order": {"id": "ASC"}, "start": -1}),
    ],
)
def test_rows_with_an_id_are_read_in_its_order_and_never_counted(method, params, asked):
    assert first_page(method, params) == asked


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("crm.status.list", {"filter": {"ENTITY_ID": "STATUS"}}),
        ("crm.item.list", {"order": {"title": "DESC"}}),
        ("crm.item.list", {"start": 50}),
        ("crm.item.list", {"start": -1}),
        ("crm.item.list", {"select": ["title"]}),
        ("crm.item.list", {"filter": {">id": 100}}),
        ("crm.item.list", {"filter": ["x"]}),
    ],
)
def test_an_order_that_the_caller_asked_for_is_kept(method, params):
    assert first_page(method, params) == params
    reply = Reply(result={"items": FULL}, next=100)
    assert read_page(method, params, params, reply).following == {**params, "start": 100}
    assert read_page(method, params, params, Reply(result=[])).following is None


def test_a_full_page_leads_to_the_ids_after_its_last_row():
    params = {"entityTypeId": 2, "filter": {"stageId": "NEW"}}
    page = read_page("crm.item.list", params, first_page("crm.item.list", params), Reply(result={"items": FULL}))
    assert page.items == FULL
    assert page.following == {
        "entityTypeId": 2,
        "filter": {"stageId": "NEW", ">id": 50},
        "order": {"id": "ASC"},
        "start": -1,
    }
    assert params == {"entityTypeId": 2, "filter": {"stageId": "NEW"}}
    last = read_page("crm.item.list", params, page.following, Reply(result={"items": FULL[:49]}))
    assert last == Page(FULL[:49], None)


@pytest.mark.parametrize("last", [{"title": "x"}, 7, None])
def test_rows_without_the_id_are_an_error_instead_of_an_endless_list(last):
    error = read_page("crm.item.list", {}, {}, Reply(result={"items": [*FULL[:49], last]}))
    assert isinstance(error, ProtocolError)
    assert "Add id to select" in str(error)


def test_a_page_that_comes_twice_is_an_error_instead_of_an_endless_list():
    params = {"entityTypeId": 2}
    asked = read_page("crm.item.list", params, first_page("crm.item.list", params), Reply(result={"items": FULL}))
    again = read_page("crm.item.list", params, asked.following, Reply(result={"items": FULL}))
    assert isinstance(again, ProtocolError)
    counted = {"filter": {"ENTITY_ID": "STATUS"}}
    page = read_page("crm.status.list", counted, counted, Reply(result=FULL, next=50))
    assert page.following == {**counted, "start": 50}
    stuck = read_page("crm.status.list", counted, page.following, Reply(result=FULL, next=50))
    assert isinstance(stuck, ProtocolError)
    assert stuck.executed == "yes"


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ([1], [1]),
        ({"items": [1]}, [1]),
        ({"categories": [1], "total": 1}, [1]),
        ({"a": [1], "b": [2]}, None),
        ({}, None),
        ({"item": {}}, None),
        (True, None),
        (None, None),
        ("text", None),
    ],
)
def test_the_list_in_a_result_is_the_only_one(result, expected):
    assert rows(result) == expected


def test_an_answer_without_a_list_is_named():
    error = read_page("scope", {}, {}, Reply(result={"item": 1}))
    assert isinstance(error, ProtocolError)
    assert "holds no list" in str(error)
