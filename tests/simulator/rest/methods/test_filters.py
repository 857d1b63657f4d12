from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest


def test_filters_and_orders_of_items(client):
    for number in (1, 2, 3, 99):
        client.portal.add_deal(id=number, stage="EXECUTING")

    def ids(**params):
        return [item["id"] for item in client.post("crm.item.list", {"entityTypeId": 2, **params}).result["items"]]

    assert ids(filter={"@id": [99, 2, 2, 1234]}) == [2, 99]
    assert ids(filter={"id": [3, 57]}) == [3, 57]
    assert ids(filter={"=id": "57"}) == [57]
    assert ids(filter={">id": 3}, start=-1) == [57, 99]
    assert ids(filter={">id": 1, "<=id": 57, "stageId": "EXECUTING"}) == [2, 3]
    assert ids(filter={"!stageId": "EXECUTING"}) == [57]
    assert ids(filter={"!@id": [1, 2, 3]}) == [57, 99]
    assert ids(filter={"%title": "deal 9"}) == [99]
    assert ids(filter={"@id": [1, 2, 99], ">id": 1}, order={"id": "DESC"}) == [99, 2]
    assert ids(order={"id": "DESC"}) == [99, 57, 3, 2, 1]
    assert ids(order={"stageId": "ASC", "id": "DESC"}) == [99, 3, 2, 1, 57]
    assert client.post("crm.item.list", {"entityTypeId": 2, "filter": {"nope": 1}}).error[:2] == (
        400,
        "INVALID_ARG_VALUE",
    )
    assert client.post("crm.item.list", {"entityTypeId": 2, "order": {"nope": "ASC"}}).error[1] == "INVALID_ARG_VALUE"


def test_filters_by_date_understand_any_offset(client):
    client.server.clock.advance(3600)
    client.portal.add_deal(id=60)
    moved = client.portal.find("DEAL_60").moved_time

    def ids(**filters):
        return [
            item["id"] for item in client.post("crm.item.list", {"entityTypeId": 2, "filter": filters}).result["items"]
        ]

    for offset in (-5, 0, 3, 9):
        written = datetime.fromtimestamp(moved, timezone(timedelta(hours=offset))).isoformat()
        assert ids(**{">=movedTime": written}) == [60]
        assert ids(**{"<movedTime": written}) == [57]
        assert ids(movedTime=[written]) == [60]
        assert len(client.post("crm.deal.list", {"filter": {">=MOVED_TIME": written}}).result) == 1
        history = {"entityTypeId": 2, "filter": {">=CREATED_TIME": written}}
        assert len(client.post("crm.stagehistory.list", history).result["items"]) == 1
    assert ids(**{">movedTime": "no date"}) == []
    history = {"entityTypeId": 2, "filter": {">CREATED_TIME": "no date"}}
    assert client.post("crm.stagehistory.list", history).error[:2] == (400, "WRONG_DATETIME_FORMAT")


@pytest.fixture
def ids(client):
    """The ids of the items that a filter of ``crm.item.list`` finds among deals 1 (New), 2 and 3 (Won), 57 (New)."""
    for number in (1, 2, 3):
        client.portal.add_deal(id=number, stage="NEW" if number == 1 else "WON", opportunity=100 * number)

    def found(filters, method="crm.item.list", **params):
        answer = client.post(method, {"entityTypeId": 2, "filter": filters, **params})
        if answer.status != 200:
            return answer.error[2]
        rows = answer.result if isinstance(answer.result, list) else answer.result["items"]
        return [int(row.get("id") or row["ID"]) for row in rows]

    return found


def test_groups_of_conditions(ids):
    assert ids({"0": {"logic": "OR", "0": {"stageId": "WON"}, "1": {"id": 1}}}) == [1, 2, 3]
    assert ids([{"logic": "OR", "0": {"id": 2}, "1": {"id": 3, "stageId": "NEW"}}]) == [2]
    assert ids({"logic": "OR", "id": 1, "stageId": "WON"}) == [1, 2, 3]
    assert ids({"logic": "AND", "id": 1, "stageId": "WON"}) == []
    assert ids({">id": 1, "0": {"logic": "OR", "0": {"id": 1}, "1": {"id": 3}}}) == [3]
    assert ids({"0": {"logic": "OR", "0": {"nope": 1}}}) == "Invalid filter: field 'NOPE' is not allowed in filter"
    assert ids({"0": {"logic": "OR"}}) == [1, 2, 3, 57]


def test_every_field_of_a_type_can_be_filtered_and_sorted_by(client, ids):
    client.update_item(2, closedate="2026-05-01", probability=30, utmSource="google", observers=[6, 7])
    assert ids({">=closedate": "2026-05-01"}) == [2]
    assert ids({"closedate": "2026-05-01"}) == [2]
    assert ids({"probability": "30"}) == ids({"utmSource": "google"}) == ids({"observers": 7}) == [2]
    assert ids({"isRecurring": "Y"}) == []
    assert ids({"isRecurring": False, "typeId": "SALE"}) == [1, 2, 3, 57]
    assert (
        ids({"isRecurring": "0"}) == ids({"!isRecurring": 1}) == ids({"@isRecurring": ["N", "true"]}) == [1, 2, 3, 57]
    )
    assert ids({"!utmSource": ""}) == ids({"!=utmSource": None}) == [2]
    assert ids({"opportunity": "200.00"}) == [2]
    assert ids({}, order={"opportunity": "DESC", "id": "ASC"}) == [3, 2, 1, 57]
    assert ids({"fm": 1}) == "Invalid filter: field 'FM' is not allowed in filter"
    assert ids({"searchContent": "x"}) == "Invalid filter: field 'SEARCH_CONTENT' is not allowed in filter"


def test_patterns_say_where_a_text_may_stand(ids):
    assert ids({"%title": "eal 5"}) == ids({"=%title": "deal 5%"}) == ids({"%=title": "%57"}) == [57]
    assert ids({"=%title": "eal 57"}) == ids({"=%title": "eal%"}) == []
    assert ids({"=%title": "D_al 57"}) == [57]
    assert ids({"!%title": "eal 5"}) == ids({"!%=title": "%57"}) == ids({"!=%title": "deal 5%"}) == [1, 2, 3]
    assert ids({"=%title": "%".join("a" * 200)}) == []


@pytest.mark.parametrize("key", ["!stageId", ">id", "<=id", "%title", "!%title"])
def test_a_list_needs_an_operator_that_takes_one(ids, key):
    name = {"stageId": "STAGE_ID", "id": "ID", "title": "TITLE"}[key.lstrip("!><=%")]
    assert ids({key: ["WON", "LOSE"]}) == f"Invalid filter: field '{name}' has invalid value"
    assert ids({"!=stageId": ["WON", "LOSE"]}) == ids({"!@stageId": ["WON"]}) == [1, 57]
    assert "is not allowed" in ids({"?title": "x"})


def test_a_number_is_read_as_the_portal_reads_numbers(ids):
    assert ids({">id": "$result[a][items][49][id]"}) == [1, 2, 3, 57]
    assert ids({">id": " 2abc"}) == [3, 57]
    assert ids({"id": "x"}) == []


def test_old_methods_ignore_what_they_do_not_understand(client, ids):
    client.post("crm.deal.update", {"id": 2, "fields": {"UF_CRM_1": "x", "UTM_SOURCE": "google"}})

    def deals(filters, **params):
        return ids(filters, method="crm.deal.list", **params)

    everything = [1, 2, 3, 57]
    for ignored in ({"NOSUCH": 1}, {"<>STAGE_ID": "NEW"}, {"><ID": 2}, {"0": {"LOGIC": "OR", "ID": 1}}):
        assert deals(ignored) == everything
    assert deals({"UF_CRM_1": "no such value"}) == []
    assert deals({"UF_CRM_1": "x"}) == deals({"UTM_SOURCE": "google"}) == deals({"!UTM_SOURCE": ""}) == [2]
    assert deals({">CLOSEDATE": "2027-01-01"}) == deals({"LEAD_ID": 4}) == deals({"IS_RECURRING": "Y"}) == []
    assert deals({"!STAGE_ID": ["WON", "LOSE"]}) == deals({"@STAGE_ID": ["NEW"]}) == [1, 57]
    assert deals({"%TITLE": "57"}) == deals({"?TITLE": "57"}) == deals({"=%TITLE": "%57"}) == [57]
    assert deals({}, order={"ID": "descending"}) == everything[::-1]
    assert deals({}, order={"NOSUCH": "ASC", "OPPORTUNITY": "DESC"}) == [3, 2, 1, 57]
