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
