from __future__ import annotations


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


def test_pipelines_of_deals_by_the_older_methods(client):
    assert [(each["ID"], each["NAME"]) for each in client.get("crm.dealcategory.list").result] == [("5", "Delivery")]
    stages = client.get("crm.dealcategory.stage.list", "ID=5").result
    assert stages[0] == {"NAME": "New", "SORT": 10, "STATUS_ID": "C5:NEW"}
    assert client.get("crm.dealcategory.stage.list", "ID=0").result[0]["STATUS_ID"] == "NEW"


def test_entity_types(client):
    types = {row["ID"]: row["SYMBOL_CODE_SHORT"] for row in client.get("crm.enum.ownertype").result}
    assert types == {1: "L", 2: "D", 3: "C", 4: "CO", 5: "I", 7: "Q", 31: "SI", 177: "Tb1"}
