from __future__ import annotations


def test_dictionaries(client):
    stages = client.get("crm.status.list", "filter[ENTITY_ID]=DEAL_STAGE&order[SORT]=ASC").json
    assert [row["STATUS_ID"] for row in stages["result"]] == ["NEW", "PREPARATION", "EXECUTING", "WON", "LOSE"]
    assert [row["SEMANTICS"] for row in stages["result"]] == [None, None, None, "S", "F"]
    assert stages["total"] == 5
    names = {row["ENTITY_ID"] for row in client.get("crm.status.list").result}
    assert names == {
        "DEAL_STAGE",
        "DEAL_STAGE_5",
        "STATUS",
        "QUOTE_STATUS",
        "SMART_INVOICE_STAGE_2",
        "DYNAMIC_177_STAGE_12",
    }
    categories = client.get("crm.category.list", "entityTypeId=2").json
    assert [(each["id"], each["isDefault"]) for each in categories["result"]["categories"]] == [(0, "Y"), (5, "N")]
    for type_id in (1, 7):
        assert client.get("crm.category.list", f"entityTypeId={type_id}").error[1] == "ENTITY_TYPE_NOT_SUPPORTED"
    types = {row["ID"]: row["SYMBOL_CODE_SHORT"] for row in client.get("crm.enum.ownertype").result}
    assert types == {1: "L", 2: "D", 7: "Q", 31: "SI", 177: "Tb1"}
