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


def test_what_is_written_is_read_again(client):
    sent = {"NAME": "Bob", "LAST_NAME": "B", "ADDRESS_CITY": "Berlin", "UTM_SOURCE": "x", "BIRTHDATE": "2000-01-01"}
    number = client.post("crm.lead.add", {"fields": {**sent, "PHONE": [{"VALUE": "+61", "VALUE_TYPE": "WORK"}]}}).result
    lead = client.get("crm.lead.get", f"id={number}").result
    assert {name: lead[name] for name in sent} == {**sent, "BIRTHDATE": "2000-01-01T03:00:00+03:00"}
    assert lead["HAS_PHONE"] == "Y"
    assert lead["PHONE"] == [{"ID": "1", "VALUE_TYPE": "WORK", "VALUE": "+61", "TYPE_ID": "PHONE"}]
    item = client.get("crm.item.get", f"entityTypeId=1&id={number}").result["item"]
    assert (item["name"], item["fm"][0]["value"]) == ("Bob", "+61")
    changed = {"fields": {"PHONE": [{"ID": 1, "VALUE": "+62"}, {"VALUE": "+63"}]}, "id": number}
    assert client.post("crm.lead.update", changed).result is True
    assert [each["VALUE"] for each in client.get("crm.lead.get", f"id={number}").result["PHONE"]] == ["+62", "+63"]
    deal = client.post("crm.deal.add", {"fields": {"TYPE_ID": "GOODS", "PROBABILITY": 40}}).result
    shown = client.get("crm.deal.get", f"id={deal}").result
    assert (shown["TYPE_ID"], shown["PROBABILITY"]) == ("GOODS", "40")


def test_a_deal_stays_in_its_pipeline(client):
    client.post("crm.deal.update", {"id": 57, "fields": {"CATEGORY_ID": 5, "TITLE": "Changed"}})
    deal = client.get("crm.deal.get", "id=57").result
    assert (deal["CATEGORY_ID"], deal["STAGE_ID"], deal["TITLE"]) == ("0", "NEW", "Changed")
    foreign = {"id": 57, "fields": {"CATEGORY_ID": 5, "STAGE_ID": "C5:WON"}}
    assert client.post("crm.deal.update", foreign).error[:2] == (400, "")
    added = client.post("crm.deal.add", {"fields": {"CATEGORY_ID": 5, "STAGE_ID": "C5:WON"}}).result
    assert client.stage_of(f"DEAL_{added}") == "C5:WON"


def test_fields_are_described(client):
    deal = client.get("crm.deal.fields").result
    assert len(deal) == 45
    assert (deal["OPPORTUNITY"]["type"], deal["OPENED"]["type"], deal["COMMENTS"]["type"]) == (
        "double",
        "char",
        "string",
    )
    assert (deal["STAGE_ID"]["statusType"], deal["CATEGORY_ID"]["isImmutable"]) == ("DEAL_STAGE", True)
    assert (deal["DATE_CREATE"]["isReadOnly"], deal["CONTACT_IDS"]["isMultiple"]) == (True, True)
    lead = client.get("crm.lead.fields").result
    assert len(lead) == 57
    assert (lead["STATUS_ID"]["statusType"], lead["PHONE"]["type"]) == ("STATUS", "crm_multifield")
    client.post("crm.lead.add", {"fields": {"UF_CRM_1": "x"}})
    assert client.get("crm.lead.fields").result["UF_CRM_1"]["isDynamic"] is True


def test_a_deleted_deal_has_no_history(client):
    client.trigger("DEAL_57")
    assert client.post("crm.deal.delete", {"id": 57}).result is True
    client.portal.add_deal(id=57)
    rows = client.post("crm.stagehistory.list", {"entityTypeId": 2, "filter": {"OWNER_ID": 57}}).result["items"]
    assert [(row["ID"], row["STAGE_ID"]) for row in rows] == [(3, "NEW")]
