from __future__ import annotations


def test_arguments_of_an_update(client):
    assert client.post("crm.item.update", {"entityTypeId": 2, "id": 57}).error[:2] == (400, "100")
    assert client.post("crm.item.update", {"entityTypeId": 2, "id": 57, "fields": "x"}).error[:2] == (400, "100")
    assert client.post("crm.item.update", {"entityTypeId": 2, "id": [57], "fields": {}}).error[:2] == (400, "100")
    assert client.update_item(item_id=99, stageId="WON").error[:2] == (400, "NOT_FOUND")
    assert (
        client.post("crm.item.update", {"ENTITYTYPEID": "2", "ID": "57", "FIELDS": {"STAGE_ID": "WON"}}).status == 200
    )
    assert client.stage_of("DEAL_57") == "WON"
