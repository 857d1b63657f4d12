from __future__ import annotations

from airflow_provider_bitrix24.simulator.portal import seed


def test_any_of_a_hundred_thousand_deals_is_found(client):
    seed.generate(client.portal, 2, 100_000, stage="NEW", first_id=1000)
    listed = client.post("crm.item.list", {"entityTypeId": 2, "filter": {">id": 50_000}, "start": -1, "select": ["id"]})
    assert [item["id"] for item in listed.result["items"]] == list(range(50_001, 50_051))
    assert client.post("crm.item.list", {"entityTypeId": 2, "filter": {"@id": [57, 90_000]}}).json["total"] == 2
    assert client.trigger("DEAL_99999").result is True
    history = client.post("crm.stagehistory.list", {"entityTypeId": 2, "filter": {"OWNER_ID": 99999}}).result["items"]
    assert [row["STAGE_ID"] for row in history] == ["NEW", "PREPARATION"]


def test_bounds_of_the_id_hold_in_either_order_and_beside_other_conditions(client):
    seed.generate(client.portal, 2, 200, stage="NEW", first_id=1000)

    def ids(order="ASC", **more):
        asked = {"entityTypeId": 2, "start": -1, "select": ["id"], "order": {"id": order}, **more}
        return [item["id"] for item in client.post("crm.item.list", asked).result["items"]]

    assert ids(filter={">id": 1010, "<=id": 1013}) == [1011, 1012, 1013]
    assert ids(filter={">=id": "1010", "<id": "1013", "stageId": "NEW"}) == [1010, 1011, 1012]
    assert ids(order="DESC", filter={">id": 1010, "<id": 1013}) == [1012, 1011]
    assert ids(filter={"@id": [1005, 1012], ">id": 1010}) == [1012]
    assert ids(filter={"@id": [1005, 1012], "<=id": 1010}) == [1005]
    assert ids(filter={"<id": 1010, ">id": 1010}) == []
