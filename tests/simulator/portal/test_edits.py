from __future__ import annotations

import pytest


def test_an_update_moves_the_item_as_the_user(client):
    item = client.update_item(stageId="EXECUTING", title="Renamed").result["item"]
    assert (item["stageId"], item["title"], item["movedBy"]) == ("EXECUTING", "Renamed", 1)
    assert client.moves_in_history("DEAL_57") == [(2, "EXECUTING")]


def test_an_update_starts_robots(client):
    client.portal.add_robot("PREPARATION", seconds=2, move_to="WON")
    item = client.update_item(stageId="PREPARATION").result["item"]
    assert item["stageId"] == "WON"
    assert client.moves_in_history("DEAL_57") == [(2, "PREPARATION"), (3, "WON")]


def test_nothing_is_saved_when_nothing_changes(client):
    client.update_item(stageId="NEW", title="Deal 57", nosuchfield=1)
    assert not client.portal.events.outgoing
    assert client.moves_in_history("DEAL_57") == []


def test_a_change_of_pipeline_is_a_row_of_its_own_kind(client):
    item = client.update_item(categoryId=5).result["item"]
    assert (item["categoryId"], item["stageId"]) == (5, "C5:NEW")
    assert client.moves_in_history("DEAL_57") == [(5, "C5:NEW")]


@pytest.mark.parametrize("fields", [{"stageId": "C5:NEW"}, {"stageId": "NOPE"}, {"categoryId": 99}])
def test_a_stage_of_no_such_pipeline_is_refused(client, fields):
    assert client.update_item(**fields).error[:2] == (400, "CRM_FIELD_ERROR_VALUE_NOT_VALID")
    assert client.stage_of("DEAL_57") == "NEW"


def test_an_item_whose_pipeline_is_gone_can_be_renamed_and_moved_into_another(client):
    portal = client.portal
    portal.items[2].place(portal.find("DEAL_57"), 9, "C9:GONE")
    assert client.update_item(title="Renamed").result["item"]["stageId"] == "C9:GONE"
    assert client.update_item(categoryId=0, stageId="WON").result["item"]["stageId"] == "WON"


def test_a_user_sees_a_veto(client):
    client.portal.add_veto("WON")
    assert client.update_item(stageId="WON").status == 400
    assert client.stage_of("DEAL_57") == "NEW"
