"""Cases 63 to 67: reading, profiles, REST 3.0."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from airflow_provider_bitrix24.simulator.clock import Clock
from airflow_provider_bitrix24.simulator.testing import SimulatorServer

from .conftest import Portal, set_up_s1


def test_case_63_item_get(s1):
    item = s1.get("crm.item.get", "entityTypeId=2&id=57").result["item"]
    assert (item["id"], item["stageId"], item["categoryId"]) == (57, "NEW", 0)
    assert "previousStageId" not in item
    assert {"movedTime", "movedBy"} <= set(item)
    assert s1.get("crm.item.get", "entityTypeId=2").error == (400, "100", "Could not find value for parameter {id}")
    assert s1.get("crm.item.get", "entityTypeId=2&id=abc").error == (
        400,
        "100",
        "Invalid value {abc} to match with parameter {id}. Should be value of type int.",
    )
    assert s1.get("crm.item.get", "entityTypeId=2&id=58").error[:2] == (400, "NOT_FOUND")
    assert s1.get("crm.item.get", "entityTypeId=14&id=1").error[:2] == (400, "ENTITY_TYPE_NOT_SUPPORTED")
    assert s1.get("crm.item.get", "entityTypeId=5&id=1").error[:2] == (400, "ENTITY_TYPE_NOT_SUPPORTED")
    assert s1.get("crm.item.get", "entityTypeId=1044&id=1").error[:2] == (400, "NOT_FOUND")


def test_case_64_item_list_pages(s1):
    for number in range(1, 121):
        if number != 57:
            s1.portal.add_deal(id=number)

    def page(start):
        body = s1.post("crm.item.list", {"entityTypeId": 2, "start": start, "select": ["id"]}).json
        return [item["id"] for item in body["result"]["items"]], body.get("total"), body.get("next")

    assert page(0) == (list(range(1, 51)), 120, 50)
    assert page(30) == page(0)
    assert page(50) == (list(range(51, 101)), 120, 100)
    assert page(100) == (list(range(101, 121)), 120, None)
    assert page(-1) == (list(range(1, 51)), None, None)
    assert page("50") == page(50)


def test_case_65_stage_history(s1):
    s1.trigger("DEAL_57")
    known = s1.post("crm.stagehistory.list", {"entityTypeId": 2, "filter": {"OWNER_ID": 57}}).result["items"]
    assert [(row["TYPE_ID"], row["STAGE_ID"]) for row in known] == [(1, "NEW"), (2, "PREPARATION")]
    assert set(known[0]) == {
        "ID", "TYPE_ID", "OWNER_ID", "CREATED_TIME", "CATEGORY_ID", "STAGE_SEMANTIC_ID", "STAGE_ID",
    }  # fmt: skip
    s1.trigger("DEAL_57", "exec")
    question = {
        "entityTypeId": 2,
        "filter": {"OWNER_ID": 57, ">ID": known[-1]["ID"]},
        "order": {"ID": "ASC"},
    }
    new = s1.post("crm.stagehistory.list", question).result["items"]
    assert [row["STAGE_ID"] for row in new] == ["EXECUTING"]
    assert s1.post("crm.stagehistory.list", {"entityTypeId": 7}).error[:2] == (400, "ENTITY_TYPE_NOT_SUPPORTED")
    wrong = {"entityTypeId": 2, "filter": {"STAGE": "NEW"}}
    assert s1.post("crm.stagehistory.list", wrong).error[:2] == (400, "INVALID_ARG_VALUE")


def test_case_65_leads_have_a_status(s1):
    s1.portal.add_item(1, 4)
    row = s1.get("crm.stagehistory.list", "entityTypeId=1").result["items"][0]
    assert (row["STATUS_ID"], row["STATUS_SEMANTIC_ID"]) == ("NEW", "P")
    assert "CATEGORY_ID" not in row


@pytest.mark.parametrize(("plan", "shown"), [("self-hosted", False), ("standard", True)])
def test_case_66_operating_time_is_shown_in_the_cloud_only(plan, shown):
    with SimulatorServer(clock=Clock(virtual=True, start=1_800_000_000.25), plan=plan) as server:
        set_up_s1(server)
        time = Portal(server).get("scope").json["time"]
        assert time["start"] == 1_800_000_000
        assert ("operating" in time, "operating_reset_at" in time) == (shown, shown)
        server.portal.settings.time_format = "float"
        assert Portal(server).get("scope").json["time"]["start"] == 1_800_000_000.25


def test_case_66_a_self_hosted_portal_has_no_limits(clock):
    with SimulatorServer(clock=clock, plan="self-hosted") as server:
        set_up_s1(server)
        portal = Portal(server)
        assert [portal.get("scope").status for _ in range(120)] == [200] * 120
        assert "x-bitrix-rest-time" not in portal.get("scope").headers


def test_case_67_rest_3_has_no_trigger_method(s1):
    reply = s1.request("POST", "/rest/api/1/sec/crm.automation.trigger", '{"target":"DEAL_57"}')
    assert reply.status == 404
    assert reply.json["error"]["code"] == "BITRIX_REST_V3_EXCEPTION_METHODNOTFOUNDEXCEPTION"
    assert s1.at("DEAL_57") == "NEW"


def test_filters_by_id(s1):
    for number in (1, 2, 3, 99):
        s1.portal.add_deal(id=number, stage="EXECUTING")

    def ids(**params):
        return [item["id"] for item in s1.post("crm.item.list", {"entityTypeId": 2, **params}).result["items"]]

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
    assert s1.post("crm.item.list", {"entityTypeId": 2, "filter": {"nope": 1}}).error[:2] == (400, "INVALID_ARG_VALUE")
    assert s1.post("crm.item.list", {"entityTypeId": 2, "order": {"nope": "ASC"}}).error[1] == "INVALID_ARG_VALUE"


def test_select_shows_what_was_asked_and_the_id(s1):
    reply = s1.get("crm.item.list", "entityTypeId=2&select[]=stageId&select[]=MOVED_TIME&select[]=nope")
    assert [set(item) for item in reply.result["items"]] == [{"id", "stageId", "movedTime"}]


def test_fields_by_type(s1):
    for type_id in (1, 7, 31, 177):
        s1.portal.add_item(type_id, 1)

    def fields(type_id):
        return set(s1.get("crm.item.get", f"entityTypeId={type_id}&id=1").result["item"])

    assert {"movedTime", "movedBy", "categoryId"}.isdisjoint(fields(7))
    assert "categoryId" not in fields(1)
    assert {"previousStageId", "movedTime", "categoryId"} <= fields(31) & fields(177)


def test_dictionaries(s1):
    stages = s1.get("crm.status.list", "filter[ENTITY_ID]=DEAL_STAGE&order[SORT]=ASC").json
    assert [row["STATUS_ID"] for row in stages["result"]] == ["NEW", "PREPARATION", "EXECUTING", "WON", "LOSE"]
    assert [row["SEMANTICS"] for row in stages["result"]] == [None, None, None, "S", "F"]
    assert stages["total"] == 5
    names = {row["ENTITY_ID"] for row in s1.get("crm.status.list").result}
    assert names == {
        "DEAL_STAGE",
        "DEAL_STAGE_5",
        "STATUS",
        "QUOTE_STATUS",
        "SMART_INVOICE_STAGE_2",
        "DYNAMIC_177_STAGE_12",
    }
    categories = s1.get("crm.category.list", "entityTypeId=2").json
    assert [(each["id"], each["isDefault"]) for each in categories["result"]["categories"]] == [(0, "Y"), (5, "N")]
    for type_id in (1, 7):
        assert s1.get("crm.category.list", f"entityTypeId={type_id}").error[1] == "ENTITY_TYPE_NOT_SUPPORTED"
    types = {row["ID"]: row["SYMBOL_CODE_SHORT"] for row in s1.get("crm.enum.ownertype").result}
    assert types == {1: "L", 2: "D", 7: "Q", 31: "SI", 177: "Tb1"}


def test_filters_by_date_understand_any_offset(s1):
    s1.server.clock.advance(3600)
    s1.portal.add_deal(id=60)
    moved = s1.portal.find("DEAL_60").moved_time

    def ids(**filters):
        return [item["id"] for item in s1.post("crm.item.list", {"entityTypeId": 2, "filter": filters}).result["items"]]

    for offset in (-5, 0, 3, 9):
        written = datetime.fromtimestamp(moved, timezone(timedelta(hours=offset))).isoformat()
        assert ids(**{">=movedTime": written}) == [60]
        assert ids(**{"<movedTime": written}) == [57]
        assert ids(movedTime=[written]) == [60]
        assert len(s1.post("crm.deal.list", {"filter": {">=MOVED_TIME": written}}).result) == 1
        history = {"entityTypeId": 2, "filter": {">=CREATED_TIME": written}}
        assert len(s1.post("crm.stagehistory.list", history).result["items"]) == 1
    assert ids(**{">movedTime": "no date"}) == []
