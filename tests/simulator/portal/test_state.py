from __future__ import annotations

from types import MappingProxyType

import pytest

from airflow_provider_bitrix24.simulator.portal.entity_types import DEAL
from airflow_provider_bitrix24.simulator.portal.model import Condition


def test_a_colleague_moves_a_deal_by_hand(client):
    client.portal.add_robot("WON", move_to="LOSE")
    client.portal.move("DEAL_57", "WON", moved_by=3)
    assert (client.stage_of("DEAL_57"), client.portal.find("DEAL_57").moved_by) == ("WON", 3)
    with pytest.raises(KeyError):
        client.portal.move("DEAL_99", "WON")
    with pytest.raises(ValueError, match="NOPE"):
        client.portal.move("DEAL_57", "NOPE")


def test_conditions_can_be_any_mapping_or_any_iterable(client):
    portal = client.portal
    by_mapping = portal.add_trigger("WON", conditions=MappingProxyType({"title": "x"}))
    by_generator = portal.add_trigger("WON", conditions=(Condition(name, "=", "x") for name in ("title",)))
    assert by_mapping.conditions == by_generator.conditions == (Condition("title", "=", "x"),)


def test_unknown_stages_pipelines_and_items_are_named(client):
    with pytest.raises(ValueError, match="there are NEW, PREPARATION"):
        client.portal.add_trigger("NOPE")
    with pytest.raises(ValueError, match="ORDER has no pipeline"):
        client.portal.add_item(14, 1)
    with pytest.raises(ValueError, match="pipeline 5 has no stage"):
        client.portal.add_deal(id=1, stage="NEW", category=5)
    with pytest.raises(ValueError, match="exists already"):
        client.portal.add_deal(id=57)
    with pytest.raises(KeyError):
        client.portal.stage_of("DEAL_99")
    client.portal.remove("DEAL_57")
    assert client.portal.find("DEAL_57") is None


def test_clearing_forgets_the_content_and_keeps_plan_limits_latency_and_faults(client):
    portal = client.portal
    client.trigger("DEAL_57")
    portal.set_plan("enterprise")
    portal.latency.set(request_ms=20)
    portal.faults.script(["reset"])
    portal.clear()
    assert portal.find("DEAL_57") is None
    assert (portal.fires, portal.moves, portal.requests.total, portal.triggers) == ({}, {}, 0, {})
    assert portal.pipelines[DEAL, 0].stages
    assert (portal.settings.plan, portal.limits.capacity, portal.latency.request_seconds) == ("enterprise", 250, 0.02)
    assert portal.faults.pending == 1
