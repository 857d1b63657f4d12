from __future__ import annotations

import pytest


def test_a_selection_shows_exactly_what_was_asked_for(client):
    def shown(query):
        return client.get("crm.item.list", f"entityTypeId=2&{query}").result["items"]

    (deal,) = shown("select[]=stageId&select[]=MOVED_TIME&select[]=nope")
    assert set(deal) == {"stageId", "movedTime"}
    assert shown("select[]=title") == [{"title": "Deal 57"}]
    client.update_item(ufCrm_1="x")
    assert shown("select[]=id&select[]=UF_*") == [{"id": 57, "ufCrm_1": "x"}]
    assert shown("select[]=nope") == [[]]
    assert client.post("crm.item.list", {"entityTypeId": 2, "select": []}).result["items"] == [[]]
    assert {"id", "title", "fm", "observers"} - set(shown("select[]=*")[0]) == {"fm"}


def test_types_differ_in_their_fields(client):
    for type_id in (1, 7, 31, 177):
        client.portal.add_item(type_id, 1)

    def fields(type_id):
        return set(client.get("crm.item.get", f"entityTypeId={type_id}&id=1").result["item"])

    assert {"movedTime", "movedBy", "categoryId"}.isdisjoint(fields(7))
    assert "categoryId" not in fields(1)
    assert {"previousStageId", "movedTime", "categoryId", "xmlId"} <= fields(31) & fields(177)
    assert {"closedate", "utmSource", "probability", "leadId"} <= fields(177) | set(
        client.get("crm.item.get", "entityTypeId=2&id=57").result["item"]
    )


def test_fields_are_described(client):
    client.update_item(ufCrm_1="x")
    fields = client.get("crm.item.fields", "entityTypeId=2").result["fields"]
    assert fields["id"]["isReadOnly"] is True
    assert fields["opportunity"] == {
        "type": "double",
        "isRequired": False,
        "isReadOnly": False,
        "isImmutable": False,
        "isMultiple": False,
        "isDynamic": False,
        "title": "Opportunity",
        "upperName": "OPPORTUNITY",
    }
    assert (fields["stageId"]["statusType"], fields["typeId"]["statusType"]) == ("DEAL_STAGE", "DEAL_TYPE")
    assert (fields["ufCrm_1"]["isDynamic"], fields["ufCrm_1"]["upperName"]) == (True, "UF_CRM_1")
    original = client.get("crm.item.fields", "entityTypeId=2&useOriginalUfNames=Y").result["fields"]
    assert "UF_CRM_1" in original
    assert "ufCrm_1" not in original
    assert "searchContent" not in fields


def test_a_user_field_has_two_spellings(client):
    number = client.post("crm.deal.add", {"fields": {"UF_CRM_1": "x"}}).result
    client.update_item(number, UF_CRM_44_172=["a"])
    item = client.get("crm.item.get", f"entityTypeId=2&id={number}").result["item"]
    assert (item["ufCrm_1"], item["ufCrm44_172"]) == ("x", ["a"])
    original = client.get("crm.item.get", f"entityTypeId=2&id={number}&useOriginalUfNames=Y").result["item"]
    assert (original["UF_CRM_1"], original["UF_CRM_44_172"]) == ("x", ["a"])
    assert client.get("crm.deal.get", f"id={number}").result["UF_CRM_1"] == "x"
    for name in ("ufCrm_1", "UF_CRM_1"):
        found = client.post("crm.item.list", {"entityTypeId": 2, "filter": {name: "x"}, "select": ["id", name]}).result
        assert found["items"] == [{"id": number, "ufCrm_1": "x"}]


def test_what_is_written_is_read_again(client):
    sent = {
        "typeId": "GOODS",
        "probability": 40,
        "isManualOpportunity": "Y",
        "opportunity": "12.50",
        "taxValue": 1.5,
        "observers": [6, 7],
        "contactIds": [4, 5],
        "utmSource": "google",
        "additionalInfo": "x",
        "closedate": "2026-03-04",
        "begindate": "04.03.2026",
        "sourceId": "WEB",
        "webformId": 3,
    }
    item = client.post("crm.item.add", {"entityTypeId": 2, "fields": sent}).result["item"]
    dates = dict.fromkeys(("closedate", "begindate"), "2026-03-04T03:00:00+03:00")
    assert {name: item[name] for name in sent} == {**sent, "opportunity": 12.5, **dates}
    assert item["contactId"] == 4
    client.update_item(item["id"], contactId=9)
    assert client.get("crm.item.get", f"entityTypeId=2&id={item['id']}").result["item"]["contactIds"] == [9]


def test_what_is_read_only_cannot_be_written(client):
    before = client.get("crm.item.get", "entityTypeId=2&id=57").result["item"]
    client.update_item(id=9, createdBy=9, createdTime="2020-01-01", movedBy=9, leadId=9, stageSemanticId="S", nope=1)
    assert client.get("crm.item.get", "entityTypeId=2&id=57").result["item"] == before


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"observers": 6}, "100"),
        ({"contactIds": None}, "100"),
        ({"stageId": "NOPE"}, "CRM_FIELD_ERROR_VALUE_NOT_VALID"),
        ({"categoryId": 99}, "CRM_FIELD_ERROR_VALUE_NOT_VALID"),
    ],
)
def test_a_value_that_does_not_fit_changes_nothing(client, fields, code):
    sent = {"entityTypeId": 2, "fields": {"title": "Changed", **fields}}
    assert client.post("crm.item.update", {**sent, "id": 57}).error[1] == code
    assert client.post("crm.item.add", sent).error[1] == code
    assert [item.title for item in client.portal.items[2].after(0)] == ["Deal 57"]


def test_what_is_not_a_date_is_ignored(client):
    before = client.get("crm.item.get", "entityTypeId=2&id=57").result["item"]["closedate"]
    item = client.update_item(title="Changed", closedate="soon").result["item"]
    assert (item["title"], item["closedate"]) == ("Changed", before)


@pytest.mark.parametrize(
    ("sent", "day"),
    [
        ("2026-03-28", "2026-03-28"),
        ("2026-03-28T23:30:00", "2026-03-28"),
        ("2026-03-28T20:59:59+00:00", "2026-03-28"),
        ("2026-03-28T21:00:00Z", "2026-03-29"),
        ("2026-03-29T01:00:00+05:00", "2026-03-28"),
    ],
)
def test_the_day_of_a_moment_is_that_of_the_portals_time_zone(client, sent, day):
    assert client.update_item(closedate=sent).result["item"]["closedate"] == f"{day}T03:00:00+03:00"


@pytest.mark.parametrize("amount", ["1e400", "-1e400", "NaN", "inf", "much", True, [1]])
def test_an_amount_is_always_a_finite_number(client, amount):
    item = client.post("crm.item.add", {"entityTypeId": 2, "fields": {"opportunity": amount}}).result["item"]
    assert item["opportunity"] == 0
    assert len(client.get("crm.item.list", "entityTypeId=2").result["items"]) == 2


def test_the_creator_stays_when_the_responsible_changes(client):
    item = client.post("crm.item.add", {"entityTypeId": 2, "fields": {"assignedById": 6}}).result["item"]
    assert (item["createdBy"], item["assignedById"]) == (1, 6)
    client.update_item(item["id"], assignedById=8)
    deal = client.get("crm.deal.get", f"id={item['id']}").result
    assert (deal["CREATED_BY_ID"], deal["ASSIGNED_BY_ID"]) == ("1", "8")


def test_items_of_smart_processes_can_be_restricted_by_the_tariff(client):
    client.portal.add_item(177, 5)
    client.portal.settings.smart_processes_restricted = True
    change = {"entityTypeId": 177, "id": 5, "fields": {"title": "x"}}
    assert client.post("crm.item.update", change).error[:2] == (400, "UPDATE_DYNAMIC_ITEM_RESTRICTED")
    assert client.post("crm.item.add", change).error[:2] == (400, "CREATE_DYNAMIC_ITEM_RESTRICTED")
    client.update_item(title="Deals are not")


def test_user_fields_of_a_seed_have_both_spellings(client):
    client.control("seed", {"items": [{"target": "DEAL_9", "extra": {"UF_CRM_1": "x", "SOURCE_ID": "WEB"}}]})
    found = client.post("crm.item.list", {"entityTypeId": 2, "filter": {"ufCrm_1": "x", "sourceId": "WEB"}}).result
    assert [item["ufCrm_1"] for item in found["items"]] == ["x"]
    assert "ufCrm_1" in client.get("crm.item.fields", "entityTypeId=2").result["fields"]


def test_several_values_of_a_user_field_are_a_list_however_they_were_sent(client):
    client.update_item(ufCrm_1=["a", "b"])
    as_json = client.get("crm.item.get", "entityTypeId=2&id=57").result["item"]["ufCrm_1"]
    for sent in ("fields[ufCrm_1][]=a&fields[ufCrm_1][]=b", "fields[ufCrm_1][0]=a&fields[ufCrm_1][1]=b"):
        answer = client.batch({"one": f"crm.item.update?entityTypeId=2&id=57&{sent}"}).result
        assert answer["result"]["one"]["item"]["ufCrm_1"] == as_json == ["a", "b"]
    found = client.get("crm.item.list", "entityTypeId=2&filter[ufCrm_1]=b&select[]=id").result
    assert found["items"] == [{"id": 57}]


@pytest.mark.parametrize(
    ("sent", "shown"),
    [("Y", "Y"), ("y", "Y"), ("true", "Y"), (True, "Y"), ("1", "N"), (1, "N"), ("YES", "N"), (False, "N"), ("N", "N")],
)
def test_only_these_values_are_a_yes(client, sent, shown):
    assert client.update_item(isManualOpportunity=sent).result["item"]["isManualOpportunity"] == shown


def test_a_date_that_means_never_is_kept(client):
    assert client.update_item(closedate="9999-12-31").result["item"]["closedate"] == "9999-12-31T03:00:00+03:00"
    found = client.post("crm.item.list", {"entityTypeId": 2, "filter": {">closedate": "9000-01-01"}, "select": ["id"]})
    assert found.result["items"] == [{"id": 57}]
