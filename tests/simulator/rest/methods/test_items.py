from __future__ import annotations


def test_get(client):
    item = client.get("crm.item.get", "entityTypeId=2&id=57").result["item"]
    assert (item["id"], item["stageId"], item["categoryId"]) == (57, "NEW", 0)
    assert "previousStageId" not in item
    assert {"movedTime", "movedBy"} <= set(item)
    assert client.get("crm.item.get", "entityTypeId=2").error == (400, "100", "Could not find value for parameter {id}")
    assert client.get("crm.item.get", "entityTypeId=2&id=abc").error == (
        400,
        "100",
        "Invalid value {abc} to match with parameter {id}. Should be value of type int.",
    )
    assert client.get("crm.item.get", "entityTypeId=2&id=58").error[:2] == (400, "NOT_FOUND")
    assert client.get("crm.item.get", "entityTypeId=14&id=1").error[:2] == (400, "ENTITY_TYPE_NOT_SUPPORTED")
    assert client.get("crm.item.get", "entityTypeId=5&id=1").error[:2] == (400, "ENTITY_TYPE_NOT_SUPPORTED")
    assert client.get("crm.item.get", "entityTypeId=1044&id=1").error[:2] == (400, "NOT_FOUND")


def test_pages_of_a_list(client):
    for number in range(1, 121):
        if number != 57:
            client.portal.add_deal(id=number)

    def page(start):
        body = client.post("crm.item.list", {"entityTypeId": 2, "start": start, "select": ["id"]}).json
        return [item["id"] for item in body["result"]["items"]], body.get("total"), body.get("next")

    assert page(0) == (list(range(1, 51)), 120, 50)
    assert page(30) == page(0)
    assert page(50) == (list(range(51, 101)), 120, 100)
    assert page(100) == (list(range(101, 121)), 120, None)
    assert page(-1) == (list(range(1, 51)), None, None)
    assert page("50") == page(50)


def test_add_and_delete(client):
    client.portal.add_robot("C5:NEW", move_to="C5:PREPARATION")
    added = client.post("crm.item.add", {"entityTypeId": 2, "fields": {"title": "New one", "categoryId": 5}}).result[
        "item"
    ]
    assert (added["id"], added["title"], added["stageId"]) == (58, "New one", "C5:PREPARATION")
    assert client.portal.find("DEAL_58").stage_id == "C5:PREPARATION"
    assert client.post("crm.item.delete", {"entityTypeId": 2, "id": 58}).result == []
    assert client.post("crm.item.delete", {"entityTypeId": 2, "id": 58}).error[:2] == (400, "NOT_FOUND")
    assert client.trigger("DEAL_58").result is True
