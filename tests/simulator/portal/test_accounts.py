from __future__ import annotations

import pytest

from airflow_provider_bitrix24.simulator.portal.model import Access


@pytest.fixture
def own(client):
    """The client of a user who may access only items assigned to that user: deal 60, not deal 57."""
    client.portal.add_deal(id=60, assigned_by=2)
    client.sign_in_as(2, Access.OWN)
    return client


def test_a_user_with_own_access_reads_only_assigned_items(own):
    assert own.get("crm.item.get", "entityTypeId=2&id=60").status == 200
    assert own.get("crm.item.get", "entityTypeId=2&id=57").error[:2] == (400, "ACCESS_DENIED")
    listed = own.get("crm.item.list", "entityTypeId=2").json
    assert ([item["id"] for item in listed["result"]["items"]], listed["total"]) == ([60], 1)
    history = own.get("crm.stagehistory.list", "entityTypeId=2").result["items"]
    assert {row["OWNER_ID"] for row in history} == {60}
    assert own.get("crm.deal.get", "id=57").error == (400, "", "Access denied.")


def test_a_user_with_own_access_changes_only_assigned_items(own):
    assert own.update_item(item_id=60, stageId="WON").status == 200
    assert own.update_item(stageId="WON").error[:2] == (400, "ACCESS_DENIED")
    assert own.post("crm.item.delete", {"entityTypeId": 2, "id": 57}).error[1] == "ACCESS_DENIED"
    comment = {"ENTITY_ID": 57, "ENTITY_TYPE": "deal", "COMMENT": "x"}
    assert own.post("crm.timeline.comment.add", {"fields": comment}).error[1] == "ACCESS_DENIED"


def test_a_user_with_own_access_fires_only_for_assigned_items(own):
    assert own.trigger("DEAL_60").result is True
    assert own.stage_of("DEAL_60") == "PREPARATION"
    assert own.trigger("DEAL_57").status == 403
    assert own.trigger("DEAL_99").status == 403


def test_full_access_does_not_fire_for_types_without_a_pipeline_0(client):
    client.sign_in_as(3, Access.ALL)
    assert client.trigger("DEAL_57").result is True
    assert client.trigger("DEAL_999").result is True
    assert client.trigger("DYNAMIC_177_1").status == 403
    assert client.trigger("SMART_INVOICE_1").status == 403


def test_single_items_and_types_can_be_denied(client):
    client.portal.add_deal(id=60)
    client.sign_in_as(3, Access.ALL, denied_items=frozenset({(2, 60)}), denied_types=frozenset({1}))
    assert client.trigger("DEAL_57").result is True
    assert client.trigger("DEAL_60").status == 403
    assert client.trigger("LEAD_1").status == 403
    assert client.update_item(item_id=60, stageId="WON").error[1] == "ACCESS_DENIED"


def test_a_reader_changes_nothing(client):
    client.sign_in_as(3, Access.READ)
    assert client.get("crm.item.get", "entityTypeId=2&id=57").status == 200
    assert client.post("crm.item.add", {"entityTypeId": 2, "fields": {"title": "x"}}).error[1] == "ACCESS_DENIED"
    assert client.post("crm.deal.add", {"fields": {"TITLE": "x"}}).error == (400, "", "Access denied.")
    assert client.post("crm.deal.update", {"id": 57, "fields": {"STAGE_ID": "WON"}}).error == (
        400,
        "",
        "Access denied.",
    )
    assert client.post("crm.deal.delete", {"id": 57}).error == (400, "", "Access denied.")


def test_a_user_without_access_sees_nothing(client):
    client.sign_in_as(3, Access.NONE)
    for method in ("crm.deal.list", "crm.lead.list", "crm.deal.get", "crm.deal.add", "crm.deal.fields"):
        assert client.get(method, "id=57").error == (400, "", "Access denied.")
    assert client.get("crm.item.list", "entityTypeId=2").json["total"] == 0


def test_a_dismissed_user_is_refused(client):
    client.portal.accounts.users[1].is_active = False
    assert client.trigger("DEAL_57").error == (401, "authorization_error", "Unable to authorize user")
