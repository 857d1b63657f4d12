from __future__ import annotations


def test_get_shows_texts(client):
    client.portal.find("DEAL_57").opportunity = 10.5
    deal = client.get("crm.deal.get", "ID=57").result
    assert (deal["ID"], deal["STAGE_ID"], deal["CATEGORY_ID"], deal["OPPORTUNITY"]) == ("57", "NEW", "0", "10.50")
    assert deal["CONTACT_ID"] is None
    assert client.get("crm.deal.get", "id=58").error == (400, "", "Not found")
    assert client.get("crm.deal.get", "id=-1").error == (400, "", "ID is not defined or invalid.")
    client.portal.add_item(1, 4, stage="IN_PROCESS")
    lead = client.get("crm.lead.get", "id=4").result
    assert (lead["STATUS_ID"], lead["STATUS_SEMANTIC_ID"]) == ("IN_PROCESS", "P")
    assert "STAGE_ID" not in lead


def test_list(client):
    for number in range(1, 56):
        client.portal.add_deal(id=number, stage="WON" if number % 2 else "NEW")
    body = client.post("crm.deal.list", {"filter": {"STAGE_ID": "WON"}, "select": ["ID", "STAGE_ID"]}).json
    assert (len(body["result"]), body["total"], "next" in body) == (28, 28, False)
    assert body["result"][0] == {"ID": "1", "STAGE_ID": "WON"}
    body = client.post("crm.deal.list", {"order": {"ID": "DESC"}, "select": ["ID"]}).json
    assert (body["result"][0], body["total"], body["next"]) == ({"ID": "57"}, 56, 50)
    body = client.post("crm.deal.list", {"filter": {">ID": 54}, "start": -1, "select": ["ID"]}).json
    assert ([row["ID"] for row in body["result"]], body["total"], "next" in body) == (["55", "57"], 0, False)
    assert len(client.post("crm.deal.list", {"filter": {"@ID": [1, 2], "NOSUCH": 1}}).result) == 2
    assert client.post("crm.deal.list", {"order": {"NOSUCH": "ASC"}}).status == 200


def test_update_add_and_delete(client):
    client.portal.add_robot("EXECUTING", move_to="WON")
    assert client.post("crm.deal.update", {"id": 57, "fields": {"STAGE_ID": "EXECUTING"}}).result is True
    assert client.stage_of("DEAL_57") == "WON"
    assert client.post("crm.deal.update", {"id": 57}).error == (400, "", "Parameter 'fields' must be array.")
    number = client.post(
        "crm.lead.add", {"fields": {"TITLE": "Web form", "STATUS_ID": "IN_PROCESS", "UF_CRM_1": "x"}}
    ).result
    lead = client.get("crm.lead.get", f"id={number}").result
    assert (lead["TITLE"], lead["STATUS_ID"], lead["UF_CRM_1"]) == ("Web form", "IN_PROCESS", "x")
    selected = client.post("crm.lead.list", {"select": ["TITLE", "UF_*"]}).result
    assert selected == [{"ID": str(number), "TITLE": "Web form", "UF_CRM_1": "x"}]
    assert client.post("crm.lead.delete", {"id": number}).result is True
    assert client.post("crm.lead.delete", {"id": number}).error == (400, "", "Not found")
    assert "STATUS_ID" in client.get("crm.lead.fields").result
