"""Contacts and companies, by ``crm.item.*`` and by their own methods."""

from __future__ import annotations


def test_contacts_are_items_without_stages(client):
    phone = {"n0": {"typeId": "PHONE", "valueType": "WORK", "value": "+61"}}
    sent = {"name": "Ada", "lastName": "L", "fm": phone, "stageId": "NEW"}
    contact = client.post("crm.item.add", {"entityTypeId": 3, "fields": sent}).result["item"]
    assert (contact["id"], contact["name"], contact["hasPhone"], contact["typeId"]) == (1, "Ada", "Y", "CLIENT")
    assert {"stageId", "movedTime", "opportunity", "title"}.isdisjoint(contact)
    (entry,) = contact["fm"]
    assert entry == {"id": 1, "valueType": "WORK", "value": "+61", "typeId": "PHONE"}
    changes = {"1": {"value": "+62"}, "n0": {"typeId": "EMAIL", "value": "ada@example.com"}}
    changed = client.update_item(1, 3, fm=changes, lastName="Lovelace").result["item"]
    assert [each["value"] for each in changed["fm"]] == ["+62", "ada@example.com"]
    assert client.update_item(1, 3, fm={"1": {"DELETE": "Y"}}).result["item"]["hasPhone"] == "N"
    found = client.post("crm.item.list", {"entityTypeId": 3, "filter": {"lastName": "Lovelace"}, "select": ["id"]})
    assert found.result["items"] == [{"id": 1}]
    assert client.post("crm.item.delete", {"entityTypeId": 3, "id": 1}).result == []


def test_several_phones_are_added_however_they_were_sent(client):
    client.portal.add_item(3, 7)
    client.portal.add_item(3, 8)
    entries = [{"typeId": "PHONE", "value": "1"}, {"typeId": "EMAIL", "value": "2"}]
    client.update_item(7, 3, fm=entries)
    sent = "&".join(f"fields[fm][{n}][{name}]={each[name]}" for n, each in enumerate(entries) for name in each)
    client.batch({"one": f"crm.item.update?entityTypeId=3&id=8&{sent}"})

    for number in (7, 8):
        shown = client.get("crm.item.get", f"entityTypeId=3&id={number}").result["item"]["fm"]
        assert [(each["typeId"], each["value"]) for each in shown] == [("PHONE", "1"), ("EMAIL", "2")]


def test_companies_have_their_old_methods(client):
    number = client.post("crm.company.add", {"fields": {"TITLE": "Acme", "COMPANY_TYPE": "PARTNER"}}).result
    assert client.get("crm.company.get", f"id={number}").result["COMPANY_TYPE"] == "PARTNER"
    assert client.get("crm.item.get", f"entityTypeId=4&id={number}").result["item"]["typeId"] == "PARTNER"
    assert client.post("crm.company.update", {"id": number, "fields": {"INDUSTRY": "IT"}}).result is True
    assert [row["ID"] for row in client.post("crm.company.list", {"filter": {"INDUSTRY": "IT"}}).result] == ["1"]
    assert "LAST_NAME" in client.get("crm.contact.fields").result


def test_a_contact_has_neither_a_stage_nor_a_history(client):
    client.portal.add_item(3, 7, extra={"name": "Ada"})
    assert client.portal.stage_of("CONTACT_7") == ""
    assert client.get("crm.stagehistory.list", "entityTypeId=3").error[1] == "ENTITY_TYPE_NOT_SUPPORTED"
    assert client.trigger("CONTACT_7").result is True
    assert client.control("items/CONTACT_7", {"stage": "NEW"}, "PATCH")[0] == 400
