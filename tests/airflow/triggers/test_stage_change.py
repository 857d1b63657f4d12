"""Watching the stage history: which moves become events, and where the cursor is stored."""

from __future__ import annotations

from itertools import pairwise

import pytest

from airflow_provider_bitrix24.simulator.testing import SimulatorServer, connection_json
from airflow_provider_bitrix24.triggers._stage_history import METHOD
from tests.support.trigger_runs import (
    CONNECTION,
    EnoughError,
    Store,
    all_events,
    events,
    everything_logged,
    moves_at_sleeps,
    watches,
)


async def test_an_event_names_the_entity_and_its_stage(portal, time):
    moves_at_sleeps(portal, time, [("DEAL_57", "PREPARATION")])

    (payload,) = await all_events(watches())

    row = portal.portal.history_of("DEAL_57")[-1]
    assert payload == {
        "history_id": row.id,
        "target": "DEAL_57",
        "stage": "PREPARATION",
        "category_id": 0,
        "moved_time": portal.clock.iso(row.time),
        "portal": portal.url,
    }


async def test_earlier_moves_are_not_fired_and_later_ones_are_fired_once_in_order(portal, time):
    portal.portal.move("DEAL_57", "EXECUTING")
    moves_at_sleeps(
        portal,
        time,
        [("DEAL_57", "NEW"), ("DEAL_57", "WON")],
        [],
        [("DEAL_58", "PREPARATION")],
    )

    payloads = await all_events(watches())

    assert [(each["target"], each["stage"]) for each in payloads] == [
        ("DEAL_57", "NEW"),
        ("DEAL_57", "WON"),
        ("DEAL_58", "PREPARATION"),
    ]
    assert len({each["history_id"] for each in payloads}) == 3


async def test_on_a_portal_without_history_it_starts_at_the_beginning(time, monkeypatch):
    with SimulatorServer() as portal:
        monkeypatch.setenv(CONNECTION, connection_json(portal.webhook_url))
        time.on_sleep = lambda _: portal.portal.add_deal(id=7)

        (payload,) = await events(watches())

    assert (payload["history_id"], payload["target"], payload["stage"]) == (1, "DEAL_7", "NEW")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["PREPARATION", "C5:PREPARATION", "WON"]),
        ({"stage": "WON"}, ["WON"]),
        ({"stage": ("WON", "PREPARATION")}, ["PREPARATION", "WON"]),
        ({"category_id": 5}, ["C5:PREPARATION"]),
        ({"category_id": 0, "stage": ["WON", "C5:PREPARATION"]}, ["WON"]),
    ],
)
async def test_only_matching_moves_are_fired(portal, time, query, expected):
    portal.portal.add_deal(id=900, stage="C5:NEW")
    moves_at_sleeps(
        portal, time, [("DEAL_57", "PREPARATION"), ("DEAL_900", "C5:PREPARATION")], [("DEAL_58", "WON")], []
    )

    payloads = await all_events(watches(**query))

    assert [each["stage"] for each in payloads] == expected


@pytest.mark.parametrize(
    ("entity_type", "type_id", "before", "stage"),
    [
        ("LEAD", 1, "NEW", "IN_PROCESS"),
        ("SMART_INVOICE", 31, "DT31_2:N", "DT31_2:P"),
        ("DYNAMIC_177", 177, "DT177_12:NEW", "DT177_12:CLIENT"),
    ],
)
async def test_every_type_with_a_history_can_be_watched(portal, time, entity_type, type_id, before, stage):
    portal.portal.add_item(type_id, 900, stage=before)
    moves_at_sleeps(portal, time, [(f"{entity_type}_900", stage), ("DEAL_57", "PREPARATION")])

    (payload,) = await all_events(watches(entity_type=entity_type, stage=stage))

    assert (payload["target"], payload["stage"]) == (f"{entity_type}_900", stage)


async def test_a_poll_is_one_request(portal, time):
    totals = []

    def later(_):
        totals.append(portal.requests.total)
        if len(totals) == 5:
            raise EnoughError

    time.on_sleep = later
    await all_events(watches())

    assert totals[0] == 2
    assert [after - before for before, after in pairwise(totals)] == [1] * 4
    assert {request.method for request in portal.requests} == {METHOD}


@pytest.mark.parametrize(
    ("arguments", "warning"),
    [
        ({"stage": "Prepare documents"}, "Did you mean PREPARATION (Prepare documents)?"),
        ({"stage": ["PREPARATION", "C5:won"]}, "stage 'C5:won' is not a stage of DEAL pipeline 5. Did you mean C5:WON"),
        ({"entity_type": "LEAD", "stage": "NEWS"}, "stage 'NEWS' is not a stage of LEAD"),
        ({"stage": ["PREPARATION", "C5:WON"]}, None),
        ({"entity_type": "DYNAMIC_177", "stage": "anything"}, None),
    ],
)
async def test_a_stage_that_does_not_exist_is_warned_of(portal, time, capsys, arguments, warning):
    moves_at_sleeps(portal, time, [])

    with everything_logged() as log:
        await all_events(watches(**arguments))

    said = log.getvalue() + capsys.readouterr().out  # where Airflow 3 prints what no triggerer takes
    if warning is None:
        assert "No move to it is reported" not in said
    else:
        assert warning in said
        assert "No move to it is reported before there is such a stage." in said


async def test_a_portal_that_does_not_show_its_stages_is_watched_all_the_same(portal, time, capsys):
    portal.faults.script([{"kind": "error", "code": "ACCESS_DENIED"}])
    moves_at_sleeps(portal, time, [("DEAL_57", "PREPARATION")])

    with everything_logged() as log:
        (payload,) = await all_events(watches(stage="PREPARATION"))

    assert payload["target"] == "DEAL_57"
    assert "No move to it is reported" not in log.getvalue() + capsys.readouterr().out


async def test_a_backlog_of_many_pages_is_fired_in_one_poll(portal, time):
    for number in range(1000, 1120):
        portal.portal.add_deal(id=number)
    moves_at_sleeps(portal, time, [(f"DEAL_{number}", "WON") for number in range(1000, 1120)])

    payloads = await all_events(watches())

    assert [each["target"] for each in payloads] == [f"DEAL_{number}" for number in range(1000, 1120)]
    assert len(time.slept) == 2
    assert portal.requests.total == 2 + 3


async def test_exactly_one_full_page_of_moves_is_fired(portal, time):
    for number in range(1000, 1050):
        portal.portal.add_deal(id=number)
    moves_at_sleeps(portal, time, [(f"DEAL_{number}", "WON") for number in range(1000, 1050)], [])

    assert len(await all_events(watches())) == 50


async def test_the_cursor_is_stored_at_the_start_of_the_next_poll(portal, time):
    trigger = watches()
    trigger.asset_state_store = store = Store()
    seen = []

    def later(_):
        seen.append([each for each in store.log if each[0] == "set"])
        if len(seen) == 4:
            raise EnoughError
        portal.portal.move("DEAL_57", ["PREPARATION", "EXECUTING", "WON"][len(seen) - 1])

    time.on_sleep = later
    payloads = await all_events(trigger)

    first, second, third = (each["history_id"] for each in payloads)
    start = first - 1
    assert seen == [
        [("set", start)],
        [("set", start)],  # the first move is fired, but not yet kept
        [("set", start), ("set", first)],
        [("set", start), ("set", first), ("set", second)],
    ]
    assert third not in [value for _, value in seen[-1]]
    assert list(store.kept.values()) == [{"portal": portal.url, "history_id": second}]


async def test_an_unchanged_cursor_is_not_stored_again(portal, time):
    trigger = watches()
    trigger.asset_state_store = store = Store()
    moves_at_sleeps(portal, time, [], [], [])

    await all_events(trigger)

    assert [name for name, _ in store.log] == ["get", "set"]


async def test_restarted_it_continues_after_the_cursor(portal, time):
    store = Store()
    before = watches()
    before.asset_state_store = store
    moves_at_sleeps(portal, time, [("DEAL_57", "PREPARATION")], [])
    fired = await all_events(before)
    portal.portal.move("DEAL_58", "WON")  # while no triggerer runs

    after = watches()
    after.asset_state_store = store
    moves_at_sleeps(portal, time, [("DEAL_59", "WON")])
    later = await all_events(after)

    assert [each["target"] for each in fired] == ["DEAL_57"]
    assert [each["target"] for each in later] == ["DEAL_58", "DEAL_59"]


async def test_a_move_fired_just_before_the_triggerer_died_is_fired_again_with_the_same_id(portal, time):
    store = Store()
    before = watches()
    before.asset_state_store = store
    time.on_sleep = lambda _: portal.portal.move("DEAL_57", "PREPARATION")
    (first,) = await events(before)  # and the triggerer is killed

    after = watches()
    after.asset_state_store = store
    time.on_sleep = lambda _: None
    (again,) = await events(after)

    assert again == first


async def test_without_a_store_it_starts_after_the_newest_row_each_time(portal, time):
    time.on_sleep = lambda _: portal.portal.move("DEAL_57", "PREPARATION")
    await events(watches())
    portal.portal.move("DEAL_58", "WON")

    moves_at_sleeps(portal, time, [("DEAL_59", "WON")])

    assert [each["target"] for each in await all_events(watches())] == ["DEAL_59"]


async def test_a_move_in_a_pipeline_that_was_left_is_missed_where_the_history_shows_the_present_one_only(portal, time):
    portal.portal.settings.stage_history = "present pipeline"
    deal, pipeline = portal.portal.find("DEAL_57"), portal.portal.pipelines[2, 5]
    moves_at_sleeps(portal, time, [("DEAL_57", "PREPARATION")], [("DEAL_57", "EXECUTING")], [])
    move_on = time.on_sleep

    def later(seconds):
        move_on(seconds)
        if deal.stage_id == "EXECUTING":
            portal.portal.place(deal, pipeline.id, pipeline.stages[0], moved_by=1)

    time.on_sleep = later

    payloads = await all_events(watches())

    assert [(each["stage"], each["category_id"]) for each in payloads] == [
        ("PREPARATION", 0),
        (pipeline.stages[0].id, pipeline.id),
    ]
