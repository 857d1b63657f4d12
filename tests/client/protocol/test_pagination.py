"""Long lists: read by id where rows have one, else by the portal's counter, and to their end in any case."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError, ProtocolError
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
        ("crm.contact.list", {}, {"order": {"ID": "ASC"}, "start": -1}),
        ("crm.company.list", {}, {"order": {"ID": "ASC"}, "start": -1}),
        ("crm.quote.list", {}, {"order": {"ID": "ASC"}, "start": -1}),
        ("crm.deal.list", {"order": {"id": "asc"}}, {"order": {"ID": "ASC"}, "start": -1}),
        ("crm.item.list", {"START": "-1"}, {"order": {"id": "ASC"}, "start": -1}),
    ],
)
def test_rows_with_an_id_are_read_in_its_order_and_never_counted(method, params, asked):
    assert first_page(method, params) == asked


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("crm.status.list", {"filter": {"ENTITY_ID": "STATUS"}}),
        ("crm.item.list", {"start": 50}),
        ("crm.item.list", {"order": {"id": "DESC"}}),
        ("crm.item.list", {"order": {"id": "ASC", "title": "ASC"}}),
        ("crm.item.list", {"order": {"title": "ASC", "ID": "DESC"}}),
        ("crm.status.list", {"order": {"SORT": "ASC"}}),
        ("crm.item.list", {"order": ["id"]}),
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


@pytest.mark.parametrize(
    ("method", "params", "asked", "following"),
    [
        (
            "crm.deal.list",
            {"FILTER": {"STAGE_ID": "NEW"}, "SELECT": ["ID"]},
            {"FILTER": {"STAGE_ID": "NEW"}, "SELECT": ["ID"], "order": {"ID": "ASC"}, "start": -1},
            {"FILTER": {"STAGE_ID": "NEW", ">ID": 50}, "SELECT": ["ID"], "order": {"ID": "ASC"}, "start": -1},
        ),
        (
            "crm.item.list",
            {"Filter": {}, "Order": {}},
            {"Filter": {}, "Order": {"id": "ASC"}, "start": -1},
            {"Filter": {">id": 50}, "Order": {"id": "ASC"}, "start": -1},
        ),
        (
            "crm.item.list",
            {"SELECT": ["ID", "TITLE"]},
            {"SELECT": ["ID", "TITLE"], "order": {"id": "ASC"}, "start": -1},
            {"SELECT": ["ID", "TITLE"], "order": {"id": "ASC"}, "start": -1, "filter": {">id": 50}},
        ),
    ],
)
def test_names_of_parameters_are_understood_in_any_case(method, params, asked, following):
    given = {**params}
    first = first_page(method, params)
    assert first == asked
    full = [{"id": number, "ID": str(number)} for number in range(1, 51)]
    assert read_page(method, params, first, Reply(result=full)).following == following
    assert params == given


@pytest.mark.parametrize(
    ("params", "following"),
    [
        ({"ORDER": {"ID": "DESC"}}, {"ORDER": {"ID": "DESC"}, "start": 50}),
        ({"filter": {"logic": "OR", "stageId": "NEW", "id": 5}}, None),
        ({"FILTER": {"LOGIC": "or", "stageId": "NEW"}}, None),
        ({"filter": {">ID": 100}}, None),
        ({"filter": {" >id": 100}}, None),
        ({"select": ["TITLE"]}, None),
        ({"select": "id"}, None),
    ],
)
def test_what_the_caller_asked_for_in_any_case_is_never_doubled_or_overruled(params, following):
    assert first_page("crm.item.list", params) == params
    page = read_page("crm.item.list", params, params, Reply(result={"items": FULL}, next=50))
    assert page.following == (following or {**params, "start": 50})


@pytest.mark.parametrize(
    ("method", "params", "asked"),
    [
        ("crm.item.list", {"order": {"title": "DESC"}}, {"order": {"title": "DESC", "id": "ASC"}}),
        ("crm.deal.list", {"ORDER": {"STAGE_ID": "ASC"}}, {"ORDER": {"STAGE_ID": "ASC", "ID": "ASC"}}),
        (
            "crm.item.list",
            {"order": {"title": "DESC"}, "start": 50},
            {"order": {"title": "DESC", "id": "ASC"}, "start": 50},
        ),
    ],
)
def test_rows_of_equal_values_come_in_the_order_of_their_ids_on_every_page(method, params, asked):
    given = {**params}
    first = first_page(method, params)
    assert first == asked
    following = read_page(method, params, first, Reply(result=FULL, next=100)).following
    assert following == {**asked, "start": 100}
    assert params == given


@pytest.mark.parametrize("start", [-1, "-1", -1.0])
def test_a_list_that_asks_for_no_count_does_not_end_after_its_first_page(start):
    params = {"order": {"title": "ASC"}, "Start": start}
    first = first_page("crm.item.list", params)
    assert first == {"order": {"title": "ASC", "id": "ASC"}}
    following = read_page("crm.item.list", params, first, Reply(result={"items": FULL}, next=50)).following
    assert following == {"order": {"title": "ASC", "id": "ASC"}, "start": 50}


@pytest.mark.parametrize(("name", "given"), [("START", 0), ("Start", "50"), ("start", 100)])
def test_the_callers_start_is_sent_in_the_only_spelling_that_portals_know(name, given):
    params = {name: given, "FILTER": {}}
    first = first_page("crm.item.list", params)
    assert first == {"start": given, "FILTER": {}}
    page = read_page("crm.item.list", params, first, Reply(result={"items": FULL}, next=150))
    assert page.following == {"start": 150, "FILTER": {}}


@pytest.mark.parametrize("names", [("filter", "FILTER"), ("Order", "order"), ("start", "START"), ("SELECT", "Select")])
def test_a_parameter_in_two_spellings_is_refused(names):
    with pytest.raises(ConfigurationError, match=f"{names[0].lower()} is given twice"):
        first_page("crm.item.list", {name: {} for name in names})


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
