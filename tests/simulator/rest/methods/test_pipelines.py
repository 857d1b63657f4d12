from __future__ import annotations

from airflow_provider_bitrix24.simulator.portal.entity_types import DEAL
from airflow_provider_bitrix24.simulator.portal.stages import build_pipeline


def test_pipelines_of_a_type(client):
    categories = client.get("crm.category.list", "entityTypeId=2").json
    assert [(each["id"], each["isDefault"]) for each in categories["result"]["categories"]] == [(0, "Y"), (5, "N")]
    assert client.get("crm.category.get", "entityTypeId=2&id=5").result["category"]["name"] == "Delivery"
    assert client.get("crm.category.get", "entityTypeId=2&id=6").error[1] == "NOT_FOUND"
    assert client.get("crm.category.list", "entityTypeId=3").result["categories"][0]["id"] == 0
    for type_id in (1, 7):
        assert client.get("crm.category.list", f"entityTypeId={type_id}").error[1] == "ENTITY_TYPE_NOT_SUPPORTED"


def test_a_pipeline_is_made_filled_emptied_and_deleted(client):
    made = client.post("crm.category.add", {"entityTypeId": 2, "fields": {"name": "Spare"}}).result["category"]
    assert (made["name"], made["isDefault"]) == ("Spare", "N")
    number = made["id"]
    added = client.post("crm.item.add", {"entityTypeId": 2, "fields": {"categoryId": number, "title": "x"}}).result
    assert added["item"]["stageId"] == f"C{number}:NEW"
    full = client.post("crm.category.delete", {"entityTypeId": 2, "id": number})
    assert full.status == 400
    assert client.post("crm.item.delete", {"entityTypeId": 2, "id": added["item"]["id"]}).status == 200
    assert client.post("crm.category.delete", {"entityTypeId": 2, "id": number}).result is None
    assert client.get("crm.category.get", f"entityTypeId=2&id={number}").error[1] == "NOT_FOUND"
    assert client.post("crm.category.delete", {"entityTypeId": 2, "id": 0}).status == 400


def test_what_was_placed_on_a_deleted_pipeline_is_gone_and_its_number_is_not_given_again(client):
    first = client.post("crm.category.add", {"entityTypeId": 2, "fields": {"name": "Spare"}}).result["category"]["id"]
    client.portal.add_trigger(f"C{first}:WON", code="old")
    client.portal.add_robot(f"C{first}:WON", move_to=f"C{first}:LOSE")
    client.portal.add_veto(f"C{first}:LOSE")
    client.post("crm.category.delete", {"entityTypeId": 2, "id": first})

    second = client.post("crm.category.add", {"entityTypeId": 2, "fields": {"name": "Spare"}}).result["category"]["id"]

    assert second > first
    assert (DEAL, first) not in client.portal.triggers
    assert (DEAL, f"C{first}:WON") not in client.portal.robots
    assert client.portal.vetoes == set()


def test_a_pipeline_whose_stage_was_taken_away_keeps_the_items_there(client):
    portal = client.portal
    portal.add_pipeline(build_pipeline(DEAL, 9, "Retail", [("NEW", "New", None, ""), ("UC_1", "Own", None, "")]))
    portal.add_trigger("C9:NEW", code="c5u4m", allow_backwards=True)
    portal.add_deal(id=90, stage="C9:UC_1")
    portal.add_pipeline(build_pipeline(DEAL, 9, "Retail", [("NEW", "New", None, "")]))

    assert client.post("crm.category.delete", {"entityTypeId": 2, "id": 9}).status == 400
    assert client.trigger("DEAL_90").result is True
    assert client.stage_of("DEAL_90") == "C9:UC_1"


def test_pipelines_of_deals_by_the_older_methods(client):
    assert [(each["ID"], each["NAME"]) for each in client.get("crm.dealcategory.list").result] == [("5", "Delivery")]
    stages = client.get("crm.dealcategory.stage.list", "ID=5").result
    assert stages[0] == {"NAME": "New", "SORT": 10, "STATUS_ID": "C5:NEW"}
    assert client.get("crm.dealcategory.stage.list", "ID=0").result[0]["STATUS_ID"] == "NEW"


def test_entity_types(client):
    types = {row["ID"]: row["SYMBOL_CODE_SHORT"] for row in client.get("crm.enum.ownertype").result}
    assert types == {1: "L", 2: "D", 3: "C", 4: "CO", 5: "I", 7: "Q", 31: "SI", 177: "Tb1"}
