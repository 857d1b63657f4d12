from __future__ import annotations


def test_stages_of_one_pipeline(client):
    stages = client.get("crm.status.list", "filter[ENTITY_ID]=DEAL_STAGE&order[SORT]=ASC").json
    assert [row["STATUS_ID"] for row in stages["result"]] == ["NEW", "PREPARATION", "EXECUTING", "WON", "LOSE"]
    assert [row["SEMANTICS"] for row in stages["result"]] == [None, None, None, "S", "F"]
    assert [row["CATEGORY_ID"] for row in stages["result"]] == [None] * 5
    assert [row["SYSTEM"] for row in stages["result"]] == ["Y", "N", "N", "Y", "Y"]
    assert [row["NAME_INIT"] != "" for row in stages["result"]] == [True, False, False, True, True]
    assert stages["total"] == 5
    other = client.get("crm.status.list", "filter[ENTITY_ID]=DEAL_STAGE_5").result
    assert {row["CATEGORY_ID"] for row in other} == {"5"}


def test_all_dictionaries_are_listed_by_their_sort(client):
    rows = client.get("crm.status.list").result
    assert {row["ENTITY_ID"] for row in rows} == {
        "DEAL_STAGE", "DEAL_STAGE_5", "STATUS", "QUOTE_STATUS", "SMART_INVOICE_STAGE_2", "DYNAMIC_177_STAGE_12",
        "SOURCE", "DEAL_TYPE", "CONTACT_TYPE", "COMPANY_TYPE", "EMPLOYEES", "INDUSTRY", "HONORIFIC",
    }  # fmt: skip
    sorts = [int(row["SORT"]) for row in rows]
    assert sorts == sorted(sorts)
    sources = client.post("crm.status.list", {"filter": {"ENTITY_ID": "SOURCE"}}).result
    assert "WEB" in {row["STATUS_ID"] for row in sources}


def test_what_a_filter_and_an_order_do_not_know_is_ignored(client):
    everything = client.get("crm.status.list").json["total"]
    for ignored in ({"=ENTITY_ID": "DEAL_STAGE"}, {"FOO": 1}, {"EXTRA": 1}):
        assert client.post("crm.status.list", {"filter": ignored}).json["total"] == everything
    assert client.post("crm.status.list", {"order": {"FOO": "ASC"}}).json["total"] == everything
    down = client.post("crm.status.list", {"filter": {"ENTITY_ID": "STATUS"}, "order": {"SORT": "down"}}).result
    assert down[0]["STATUS_ID"] == "JUNK"
    both = client.post("crm.status.list", {"filter": {"ENTITY_ID": ["STATUS", "QUOTE_STATUS"]}}).result
    assert {row["ENTITY_ID"] for row in both} == {"STATUS", "QUOTE_STATUS"}


def test_entries_are_added_changed_and_deleted(client):
    added = client.post("crm.status.add", {"fields": {"ENTITY_ID": "SOURCE", "STATUS_ID": "X", "NAME": "Xeno"}}).result
    assert client.post("crm.status.get", {"id": added}).result["NAME"] == "Xeno"
    assert client.post("crm.status.update", {"id": added, "fields": {"NAME": "Other", "SORT": 5}}).result is True
    first = client.post("crm.status.entity.items", {"entityId": "SOURCE"}).result[0]
    assert first == {"NAME": "Other", "SORT": 5, "STATUS_ID": "X"}
    assert client.post("crm.status.delete", {"id": added}).result is True
    assert client.post("crm.status.get", {"id": added}).error == (400, "", "Status is not found.")
    assert client.post("crm.status.delete", {"id": 0}).error == (400, "", "Invalid identifier.")


def test_entries_that_cannot_be_added(client):
    def error(**fields):
        return client.post("crm.status.add", {"fields": fields}).error

    assert error(NAME="x")[2] == "The field ENTITY_ID is required. The field STATUS_ID is required."
    assert error(ENTITY_ID="SOURCE", STATUS_ID="X")[2] == 'The required field "Title" is empty'
    assert error(ENTITY_ID="NOPE", STATUS_ID="X", NAME="x")[2] == "Specified entity type is not supported."
    assert error(ENTITY_ID="SOURCE", STATUS_ID="WEB", NAME="x")[1] == "ERROR_CORE"


def test_dictionaries_are_described(client):
    assert client.get("crm.status.fields").result["ENTITY_ID"]["isImmutable"] is True
    by_id = {each["ID"]: each for each in client.get("crm.status.entity.types").result}
    assert by_id["DEAL_STAGE"]["SEMANTIC_INFO"]["FINAL_SUCCESS_FIELD"] == "WON"
    assert by_id["SMART_INVOICE_STAGE_2"]["PREFIX"] == "DT31_2"
    assert by_id["SOURCE"] == {"ID": "SOURCE", "NAME": "Sources"}
