"""Robots, which :mod:`.automation` runs on the stage that an item reaches."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.simulator.portal import automation
from tests.support.portal_client import assert_accepted


def test_a_robot_moves_the_item_on(client):
    client.portal.add_robot("PREPARATION", move_to="EXECUTING")
    assert_accepted(client.trigger("DEAL_57"))
    assert client.stage_of("DEAL_57") == "EXECUTING"
    assert client.moves_in_history("DEAL_57") == [(2, "PREPARATION"), (2, "EXECUTING")]


def test_a_robot_works_before_it_moves(client):
    client.portal.add_robot("PREPARATION", seconds=3, move_to="EXECUTING")
    client.trigger("DEAL_57")
    first, second = (row.time for row in client.portal.history_of("DEAL_57")[1:])
    assert second - first == pytest.approx(3)


def test_a_robot_that_fails_causes_an_error_after_the_move(client):
    client.portal.add_robot("PREPARATION", fails=True)
    assert client.trigger("DEAL_57").error[:2] == (400, "ERROR_CORE")
    assert client.stage_of("DEAL_57") == "PREPARATION"


def test_robots_that_move_an_item_in_a_circle_come_to_an_end(client):
    client.portal.add_robot("PREPARATION", move_to="EXECUTING")
    client.portal.add_robot("EXECUTING", move_to="PREPARATION")
    assert client.trigger("DEAL_57").result is True


def test_a_robot_abandons_an_item_that_was_moved_meanwhile(client):
    client.portal.add_robot("PREPARATION", seconds=1, move_to="EXECUTING")
    item = client.portal.find("DEAL_57")
    run = automation.fire(client.portal, 2, 57, "c5u4m")
    assert next(run) == 1
    client.portal.move("DEAL_57", "WON")
    assert list(run) == []
    assert item.stage_id == "WON"


def test_robots_run_for_each_item_of_a_contact(client):
    for item_id in (1, 2):
        client.portal.add_item(177, item_id, contact_id=7)
    client.portal.add_trigger("DT177_12:CLIENT", code="go", type_id=177)
    client.portal.add_robot("DT177_12:CLIENT", type_id=177, seconds=1, move_to="DT177_12:SUCCESS")
    assert client.trigger("CONTACT_7", "go").result is True
    assert [client.stage_of(f"DYNAMIC_177_{item_id}") for item_id in (1, 2)] == ["DT177_12:SUCCESS"] * 2
