from __future__ import annotations

import pytest

from airflow_provider_bitrix24.simulator.portal.entity_types import DEAL, LEAD, QUOTE, SMART_INVOICE
from airflow_provider_bitrix24.simulator.portal.events import update_event_name


@pytest.mark.parametrize(
    ("type_id", "name"),
    [
        (LEAD, "ONCRMLEADUPDATE"),
        (DEAL, "ONCRMDEALUPDATE"),
        (QUOTE, "ONCRMQUOTEUPDATE"),
        (SMART_INVOICE, "ONCRMDYNAMICITEMUPDATE"),
        (177, "ONCRMDYNAMICITEMUPDATE"),
    ],
)
def test_each_type_has_its_event(type_id, name):
    assert update_event_name(type_id) == name


def test_moves_are_counted_by_item_and_every_update_is_recorded(client):
    events = client.portal.events
    client.portal.add_deal(id=58)
    for target, stage in (("DEAL_57", "PREPARATION"), ("DEAL_57", "WON"), ("DEAL_58", "WON")):
        client.portal.move(target, stage)
    client.update_item(title="Renamed")
    assert (events.move_count, events.total_moves) == ({"DEAL_57": 2, "DEAL_58": 1}, 3)
    assert [event.id for event in events.outgoing] == [57, 57, 58, 57]
    events.clear()
    assert (events.move_count, events.total_moves, list(events.outgoing)) == ({}, 0, [])
