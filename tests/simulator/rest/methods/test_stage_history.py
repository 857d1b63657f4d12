from __future__ import annotations


def test_rows_of_one_deal_and_rows_after_the_last_one_seen(client):
    client.trigger("DEAL_57")
    known = client.post("crm.stagehistory.list", {"entityTypeId": 2, "filter": {"OWNER_ID": 57}}).result["items"]
    assert [(row["TYPE_ID"], row["STAGE_ID"]) for row in known] == [(1, "NEW"), (2, "PREPARATION")]
    assert set(known[0]) == {
        "ID", "TYPE_ID", "OWNER_ID", "CREATED_TIME", "CATEGORY_ID", "STAGE_SEMANTIC_ID", "STAGE_ID",
    }  # fmt: skip
    client.trigger("DEAL_57", "exec")
    question = {
        "entityTypeId": 2,
        "filter": {"OWNER_ID": 57, ">ID": known[-1]["ID"]},
        "order": {"ID": "ASC"},
    }
    new = client.post("crm.stagehistory.list", question).result["items"]
    assert [row["STAGE_ID"] for row in new] == ["EXECUTING"]
    assert client.post("crm.stagehistory.list", {"entityTypeId": 7}).error[:2] == (400, "ENTITY_TYPE_NOT_SUPPORTED")
    wrong = {"entityTypeId": 2, "filter": {"STAGE": "NEW"}}
    assert client.post("crm.stagehistory.list", wrong).error[:2] == (400, "INVALID_ARG_VALUE")


def test_leads_have_a_status_instead_of_a_stage(client):
    client.portal.add_item(1, 4)
    row = client.get("crm.stagehistory.list", "entityTypeId=1").result["items"][0]
    assert (row["STATUS_ID"], row["STATUS_SEMANTIC_ID"]) == ("NEW", "P")
    assert "CATEGORY_ID" not in row


def test_filters_orders_and_selections(client):
    for number in (60, 61):
        client.portal.add_deal(id=number)
        client.trigger(f"DEAL_{number}")

    def rows(**params):
        found = client.post("crm.stagehistory.list", {"entityTypeId": 2, **params}).result["items"]
        return [(row["OWNER_ID"], row["STAGE_ID"]) for row in found if "STAGE_ID" in row]

    assert rows(filter={"STAGE_ID": "PREPARATION"}) == [(60, "PREPARATION"), (61, "PREPARATION")]
    assert rows(filter={"@OWNER_ID": [61, 60], "TYPE_ID": 1}) == [(60, "NEW"), (61, "NEW")]
    assert rows(filter={">ID": 3}) == [(61, "NEW"), (61, "PREPARATION")]
    assert rows(order={"ID": "DESC"}, filter={"OWNER_ID": 61}) == [(61, "PREPARATION"), (61, "NEW")]
    assert rows(order={"NOSUCH": "ASC"}, select=["NOSUCH"], filter={"OWNER_ID": 57}) == [(57, "NEW")]
    shown = client.post("crm.stagehistory.list", {"entityTypeId": 2, "select": ["STAGE_ID"], "start": -1}).json
    assert set(shown["result"]["items"][0]) == {"STAGE_ID", "ID"}
    assert "total" not in shown
    lower = {"entityTypeId": 2, "filter": {"owner_id": 57}}
    assert client.post("crm.stagehistory.list", lower).error[1] == "INVALID_ARG_VALUE"


def test_a_switch_leaves_out_the_pipelines_that_an_entity_has_left(client):
    client.portal.add_deal(id=60)
    client.portal.move("DEAL_60", "PREPARATION")
    fields = {"categoryId": 5, "stageId": "C5:NEW"}
    assert client.post("crm.item.update", {"entityTypeId": 2, "id": 60, "fields": fields}).status == 200
    question = {"entityTypeId": 2, "filter": {"OWNER_ID": 60}}

    def stages():
        return [row["STAGE_ID"] for row in client.post("crm.stagehistory.list", question).result["items"]]

    assert stages() == ["NEW", "PREPARATION", "C5:NEW"]
    client.portal.settings.stage_history = "present pipeline"
    assert stages() == ["C5:NEW"]
