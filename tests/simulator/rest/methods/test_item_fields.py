from __future__ import annotations


def test_a_selection_shows_what_was_asked_for_and_the_id(client):
    response = client.get("crm.item.list", "entityTypeId=2&select[]=stageId&select[]=MOVED_TIME&select[]=nope")
    assert [set(item) for item in response.result["items"]] == [{"id", "stageId", "movedTime"}]


def test_types_differ_in_their_fields(client):
    for type_id in (1, 7, 31, 177):
        client.portal.add_item(type_id, 1)

    def fields(type_id):
        return set(client.get("crm.item.get", f"entityTypeId={type_id}&id=1").result["item"])

    assert {"movedTime", "movedBy", "categoryId"}.isdisjoint(fields(7))
    assert "categoryId" not in fields(1)
    assert {"previousStageId", "movedTime", "categoryId"} <= fields(31) & fields(177)


def test_user_fields_are_kept_as_they_are(client):
    client.update_item(ufCrm_1="x", UF_CRM_2=["a"], opportunity="12.50")
    item = client.get("crm.item.get", "entityTypeId=2&id=57").result["item"]
    assert (item["ufCrm_1"], item["UF_CRM_2"], item["opportunity"]) == ("x", ["a"], 12.5)
    found = client.post("crm.item.list", {"entityTypeId": 2, "filter": {"ufCrm_1": "x"}, "select": ["ufCrm_1"]}).result
    assert found["items"] == [{"id": 57, "ufCrm_1": "x"}]
