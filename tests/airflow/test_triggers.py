"""The Airflow triggers: their loops run to the end, in virtual time, against a portal on a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
from contextlib import aclosing, contextmanager
from importlib import import_module
from itertools import pairwise

import pytest
from blockbuster import blockbuster_ctx

from airflow_provider_bitrix24.client.errors import (
    AuthenticationError,
    Bitrix24Error,
    ConfigurationError,
    ProtocolError,
)
from airflow_provider_bitrix24.compat import AirflowNotFoundException, aget_connection
from airflow_provider_bitrix24.simulator.accounts import MAIN_SECRET
from airflow_provider_bitrix24.simulator.testing import SimulatorServer, connection_json
from airflow_provider_bitrix24.triggers import stage as stage_module
from airflow_provider_bitrix24.triggers.history import METHOD, Moves, newest_id
from airflow_provider_bitrix24.triggers.stage import LONGEST_BACK_OFF, StageChangeEventTrigger, StageTrigger

CONNECTION = "AIRFLOW_CONN_BITRIX24_DEFAULT"
DOWN = ["error:500"] * 5
"""As often as one request is tried."""
WRONG = "wr0ngsecret12345"


def _waits(**arguments):
    defaults = {"targets": ["DEAL_57", "DEAL_58"], "expected_stage": ["PREPARATION"], "deadline": 1600}
    return StageTrigger(**defaults | arguments)


def _watches(**arguments):
    return StageChangeEventTrigger(**{"entity_type": "DEAL", "poll_interval": 60} | arguments)


async def _events(trigger, count=1):
    """Run a trigger until it has fired so many events."""
    payloads = []
    async with aclosing(trigger.run()) as stream:
        async for event in stream:
            payloads.append(event.payload)
            if len(payloads) == count:
                break
    return payloads


class _EnoughError(Exception):
    """Ends a loop that would go on for ever."""


def _moves_at_sleeps(portal, time, *moves):
    """Make the moves of one list at each sleep; when none is left, end."""
    left = list(moves)

    def later(seconds):
        if seconds <= 30:  # a pause between two tries of one request
            return
        if not left:
            raise _EnoughError
        for move in left.pop(0):
            portal.portal.move(*move)

    time.on_sleep = later


async def _all_events(trigger):
    """Run a trigger until the test's moves are used up."""
    payloads = []
    with contextlib.suppress(_EnoughError):
        async for event in trigger.run():
            payloads.append(event.payload)  # noqa: PERF401 - a comprehension would lose them at the end
    return payloads


class _Store:
    """Airflow's asset state store, as far as a trigger uses it."""

    def __init__(self):
        self.kept = {}
        self.log = []

    async def aget(self, key, default=None):
        self.log.append(("get", key))
        return self.kept.get(key, default)

    async def aset(self, key, value):
        self.log.append(("set", value["history_id"]))
        self.kept[key] = json.loads(json.dumps(value))


class _StoreOfSeveralAssets:
    async def aget(self, *_):
        raise ValueError("Task has 2 concrete inlets and outlets")

    aset = aget


@contextmanager
def _everything_logged():
    """Catch all that is logged, at every level."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield stream
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


# -- both


@pytest.mark.parametrize(
    "trigger",
    [
        _waits(require="any", fail_on=("LOSE",), max_failures=3, verify_conn_id="reader", bitrix24_conn_id="other"),
        _waits(expected_stage={"WON", "APOLOGY", "LOSE"}),
        _watches(stage=["WON", "LOSE"], category_id=0, bitrix24_conn_id="other", poll_interval=5),
        _watches(entity_type="dynamic_177"),
    ],
)
def test_a_trigger_can_be_made_from_what_it_serializes(trigger):
    path, kwargs = trigger.serialize()
    module, _, name = path.rpartition(".")

    again = getattr(import_module(module), name)(**json.loads(json.dumps(kwargs)))

    assert type(again) is type(trigger)
    assert again.serialize() == (path, kwargs)


@pytest.mark.parametrize("make", [_waits, _watches])
async def test_the_loop_is_never_held_up(portal, time, make):
    await aget_connection("bitrix24_default")  # loads parts of Airflow, which is Airflow's matter
    time.on_sleep = lambda _: portal.portal.move("DEAL_57", "PREPARATION")

    with blockbuster_ctx():
        async for event in make().run():
            assert event.payload
            break


@pytest.mark.parametrize("make", [_waits, _watches])
@pytest.mark.parametrize(
    "fault", ["error:500", "reset:after", "html:502", "cut_body:after", "truncated", "empty:after"]
)
async def test_the_secret_is_in_nothing_that_a_trigger_says(portal, time, make, fault, capsys):
    def later(_):
        portal.faults.script([fault] * 5)
        portal.portal.move("DEAL_57", "PREPARATION")
        portal.portal.move("DEAL_58", "PREPARATION")
        time.on_sleep = lambda _: None

    time.on_sleep = later
    trigger = make()
    with _everything_logged() as logged:
        payloads = await _events(trigger)

    said = capsys.readouterr()
    everything = [repr(trigger), str(trigger.serialize()), str(payloads), logged.getvalue(), said.out, said.err]
    assert not [text for text in everything if MAIN_SECRET in text]


# -- waiting for a stage


async def test_it_looks_with_one_request_per_interval_and_first_after_part_of_one(portal, time):
    totals = []

    def later(_):
        totals.append(portal.requests.total)
        if time.now > 1200:
            portal.portal.move("DEAL_57", "PREPARATION")
            portal.portal.move("DEAL_58", "PREPARATION")

    time.on_sleep = later
    (payload,) = await _events(_waits())

    assert payload == {
        "status": "arrived",
        "arrived": {"DEAL_57": "PREPARATION", "DEAL_58": "PREPARATION"},
        "waiting": {},
        "missing": [],
        "message": "",
        "permanent": False,
    }
    assert 30 <= time.slept[0] <= 60
    assert set(time.slept[1:]) == {60}
    assert [after - before for before, after in pairwise(totals)] == [1] * (len(totals) - 1)


async def test_waits_that_start_together_do_not_look_together(portal, time):
    first = []
    for _ in range(20):
        time.now, time.slept = 1000.0, []
        await _events(_waits(deadline=1100))
        first.append(time.slept[0])

    assert len(set(first)) > 10
    assert max(first) - min(first) > 10


async def test_the_last_look_falls_on_the_deadline(portal, time):
    (payload,) = await _events(_waits(deadline=1100, poke_interval=40))

    assert payload["status"] == "timeout"
    assert payload["waiting"] == {"DEAL_57": "NEW", "DEAL_58": "NEW"}
    assert time.now == pytest.approx(1100)
    assert portal.requests.total == len(time.slept)


async def test_started_after_the_deadline_it_looks_once(portal, time):
    portal.portal.move("DEAL_57", "PREPARATION")
    portal.portal.move("DEAL_58", "PREPARATION")

    (payload,) = await _events(_waits(deadline=900))

    assert payload["status"] == "arrived"
    assert portal.requests.total == 1


async def test_started_anew_it_keeps_the_deadline(portal, time):
    _, kwargs = _waits(deadline=1150).serialize()
    time.now = 1120.0

    (payload,) = await _events(StageTrigger(**kwargs))

    assert payload["status"] == "timeout"
    assert time.now == pytest.approx(1150)


async def test_each_remembers_who_was_there(portal, time):
    _moves_at_sleeps(
        portal,
        time,
        [("DEAL_57", "PREPARATION")],
        [("DEAL_57", "EXECUTING")],
        [("DEAL_58", "PREPARATION")],
    )

    (payload,) = await _events(_waits(require="each"))

    assert payload["status"] == "arrived"
    assert payload["arrived"] == {"DEAL_57": "PREPARATION", "DEAL_58": "PREPARATION"}
    asked = [json.dumps(request.params) for request in portal.requests]
    assert ("=57" in asked[0], "=57" in asked[-1]) == (True, False)


async def test_each_gives_up_those_that_are_gone(portal, time):
    def later(_):
        if portal.portal.find("DEAL_57"):
            portal.portal.remove("DEAL_57")
        elif time.now > 1200:
            portal.portal.move("DEAL_58", "PREPARATION")

    time.on_sleep = later
    (payload,) = await _events(_waits(require="each"))

    assert payload["status"] == "arrived"
    assert payload["missing"] == ["DEAL_57"]
    assert payload["arrived"] == {"DEAL_58": "PREPARATION"}


async def test_a_refusal_for_good_is_an_event_at_once(portal, time, monkeypatch):
    monkeypatch.setenv(CONNECTION, connection_json(f"{portal.url}/rest/1/{WRONG}/"))

    (payload,) = await _events(_waits())

    assert (payload["status"], payload["permanent"]) == ("error", True)
    assert "INVALID_CREDENTIALS" in payload["message"]
    assert WRONG not in str(payload)
    assert portal.requests.total == 1


async def test_a_refused_trigger_loop_does_not_hammer_the_portal(portal, time):
    """Every look is followed by the one sleep, whatever came of it."""
    portal.limits.enabled = False
    portal.faults.script(["error:500", "html:502", "empty", "reset", "cut_body"], repeat=True)

    await _events(_waits(deadline=10_000))

    polls = [slept for slept in time.slept if slept > 30]
    assert portal.requests.total <= 5 * (len(polls) + 1)
    assert time.now >= 10_000


@pytest.mark.parametrize(("bound", "looks"), [(3, 3), (None, 10)])
async def test_passing_errors_are_borne_up_to_a_bound(portal, time, bound, looks):
    portal.limits.enabled = False
    portal.faults.script(["error:500"], repeat=True)

    (payload,) = await _events(_waits(max_failures=bound, deadline=1600, poke_interval=60))

    assert payload["status"] == ("error" if bound else "timeout")
    assert payload["permanent"] is False
    assert portal.requests.total <= 5 * looks


async def test_only_errors_in_a_row_count_towards_the_bound(portal, time):
    def later(seconds):
        if seconds > 30 and len([each for each in time.slept if each > 30]) % 2:
            portal.faults.script(DOWN)

    time.on_sleep = later
    (payload,) = await _events(_waits(max_failures=2, deadline=2000))

    assert payload["status"] == "timeout"


async def test_a_connection_that_the_triggerer_lacks_is_named(portal, time):
    (payload,) = await _events(_waits(bitrix24_conn_id="nowhere"))

    assert payload["status"] == "error"
    assert "The triggerer finds no connection 'nowhere'" in payload["message"]


async def test_a_connection_that_is_wrong_is_an_event(portal, time, monkeypatch):
    monkeypatch.setenv(CONNECTION, json.dumps({"conn_type": "bitrix24"}))

    (payload,) = await _events(_waits())

    assert (payload["status"], payload["permanent"]) == ("error", True)
    assert "bitrix24_default" in payload["message"]


async def test_a_bug_is_no_event(portal, time, monkeypatch):
    monkeypatch.setattr(stage_module.Watch, "see", lambda *_: {}["bug"])

    with pytest.raises(KeyError, match="bug"):
        await _events(_waits())


async def test_a_wait_that_is_cancelled_closes_its_connections(portal, time, monkeypatch):
    from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook

    closed = []
    original = Bitrix24Hook.aclose

    async def aclose(hook):
        closed.append(hook)
        await original(hook)

    monkeypatch.setattr(Bitrix24Hook, "aclose", aclose)
    forever = asyncio.Event()
    monkeypatch.setattr(StageTrigger, "_sleep", staticmethod(lambda _: forever.wait()))
    task = asyncio.ensure_future(_events(_waits()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task

    assert len(closed) == 1


# -- watching the history


async def test_an_event_tells_who_entered_which_stage(portal, time):
    _moves_at_sleeps(portal, time, [("DEAL_57", "PREPARATION")])

    (payload,) = await _all_events(_watches())

    row = portal.portal.history_of("DEAL_57")[-1]
    assert payload == {
        "history_id": row.id,
        "target": "DEAL_57",
        "stage": "PREPARATION",
        "category_id": 0,
        "moved_time": portal.clock.iso(row.time),
        "portal": portal.url,
    }


async def test_what_was_before_is_not_fired_and_every_later_move_is_once_in_order(portal, time):
    portal.portal.move("DEAL_57", "EXECUTING")
    _moves_at_sleeps(
        portal,
        time,
        [("DEAL_57", "NEW"), ("DEAL_57", "WON")],
        [],
        [("DEAL_58", "PREPARATION")],
    )

    payloads = await _all_events(_watches())

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

        (payload,) = await _events(_watches())

    assert (payload["history_id"], payload["target"], payload["stage"]) == (1, "DEAL_7", "NEW")


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        ({}, ["PREPARATION", "C5:PREPARATION", "WON"]),
        ({"stage": "WON"}, ["WON"]),
        ({"stage": ("WON", "PREPARATION")}, ["PREPARATION", "WON"]),
        ({"category_id": 5}, ["C5:PREPARATION"]),
        ({"category_id": 0, "stage": ["WON", "C5:PREPARATION"]}, ["WON"]),
    ],
)
async def test_only_the_moves_wished_for_are_fired(portal, time, wishes, expected):
    portal.portal.add_deal(id=900, stage="C5:NEW")
    _moves_at_sleeps(
        portal, time, [("DEAL_57", "PREPARATION"), ("DEAL_900", "C5:PREPARATION")], [("DEAL_58", "WON")], []
    )

    payloads = await _all_events(_watches(**wishes))

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
    _moves_at_sleeps(portal, time, [(f"{entity_type}_900", stage), ("DEAL_57", "PREPARATION")])

    (payload,) = await _all_events(_watches(entity_type=entity_type, stage=stage))

    assert (payload["target"], payload["stage"]) == (f"{entity_type}_900", stage)


async def test_a_poll_is_one_request(portal, time):
    totals = []

    def later(_):
        totals.append(portal.requests.total)
        if len(totals) == 5:
            raise _EnoughError

    time.on_sleep = later
    await _all_events(_watches())

    assert totals[0] == 2
    assert [after - before for before, after in pairwise(totals)] == [1] * 4
    assert {request.method for request in portal.requests} == {METHOD}


async def test_a_backlog_of_many_pages_is_fired_whole_in_one_poll(portal, time):
    for number in range(1000, 1120):
        portal.portal.add_deal(id=number)
    _moves_at_sleeps(portal, time, [(f"DEAL_{number}", "WON") for number in range(1000, 1120)])

    payloads = await _all_events(_watches())

    assert [each["target"] for each in payloads] == [f"DEAL_{number}" for number in range(1000, 1120)]
    assert len(time.slept) == 2
    assert portal.requests.total == 2 + 3


async def test_exactly_a_page_of_moves_is_no_trouble(portal, time):
    for number in range(1000, 1050):
        portal.portal.add_deal(id=number)
    _moves_at_sleeps(portal, time, [(f"DEAL_{number}", "WON") for number in range(1000, 1050)], [])

    assert len(await _all_events(_watches())) == 50


async def test_the_place_is_kept_at_the_start_of_the_next_poll(portal, time):
    trigger = _watches()
    trigger.asset_state_store = store = _Store()
    seen = []

    def later(_):
        seen.append([each for each in store.log if each[0] == "set"])
        if len(seen) == 4:
            raise _EnoughError
        portal.portal.move("DEAL_57", ["PREPARATION", "EXECUTING", "WON"][len(seen) - 1])

    time.on_sleep = later
    payloads = await _all_events(trigger)

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


async def test_a_place_that_has_not_changed_is_not_kept_again(portal, time):
    trigger = _watches()
    trigger.asset_state_store = store = _Store()
    _moves_at_sleeps(portal, time, [], [], [])

    await _all_events(trigger)

    assert [name for name, _ in store.log] == ["get", "set"]


async def test_started_anew_it_goes_on_where_it_was(portal, time):
    store = _Store()
    before = _watches()
    before.asset_state_store = store
    _moves_at_sleeps(portal, time, [("DEAL_57", "PREPARATION")], [])
    fired = await _all_events(before)
    portal.portal.move("DEAL_58", "WON")  # while no triggerer runs

    after = _watches()
    after.asset_state_store = store
    _moves_at_sleeps(portal, time, [("DEAL_59", "WON")])
    later = await _all_events(after)

    assert [each["target"] for each in fired] == ["DEAL_57"]
    assert [each["target"] for each in later] == ["DEAL_58", "DEAL_59"]


async def test_what_was_fired_just_before_the_end_is_fired_again_with_the_same_number(portal, time):
    store = _Store()
    before = _watches()
    before.asset_state_store = store
    time.on_sleep = lambda _: portal.portal.move("DEAL_57", "PREPARATION")
    (first,) = await _events(before)  # and the triggerer is killed

    after = _watches()
    after.asset_state_store = store
    time.on_sleep = lambda _: None
    (again,) = await _events(after)

    assert again == first


async def test_without_a_store_it_starts_at_the_newest_row_each_time(portal, time):
    time.on_sleep = lambda _: portal.portal.move("DEAL_57", "PREPARATION")
    await _events(_watches())
    portal.portal.move("DEAL_58", "WON")

    _moves_at_sleeps(portal, time, [("DEAL_59", "WON")])

    assert [each["target"] for each in await _all_events(_watches())] == ["DEAL_59"]


@pytest.mark.parametrize("kept", [{"portal": "https://other.example.com", "history_id": 1}, {"history_id": 1}, "1", 1])
async def test_a_place_of_another_portal_is_not_gone_on_from(portal, time, kept):
    trigger = _watches()
    trigger.asset_state_store = store = _Store()
    store.kept[trigger._moves.key("bitrix24_default")] = kept
    _moves_at_sleeps(portal, time, [("DEAL_57", "WON")])

    assert [each["target"] for each in await _all_events(trigger)] == ["DEAL_57"]


async def test_a_place_behind_the_end_of_the_history_is_given_up(portal, time):
    trigger = _watches()
    trigger.asset_state_store = store = _Store()
    store.kept[trigger._moves.key("bitrix24_default")] = {"portal": portal.url, "history_id": 10_000}
    _moves_at_sleeps(portal, time, [("DEAL_57", "WON")])

    assert [each["target"] for each in await _all_events(trigger)] == ["DEAL_57"]


async def test_a_trigger_that_several_assets_share_works_from_memory(portal, time):
    trigger = _watches()
    trigger.asset_state_store = _StoreOfSeveralAssets()
    _moves_at_sleeps(portal, time, [("DEAL_57", "WON")], [("DEAL_58", "WON")])

    assert len(await _all_events(trigger)) == 2


async def test_passing_errors_are_outlasted_with_longer_and_longer_pauses_and_nothing_is_missed(portal, time):
    portal.limits.enabled = False
    failing = [True] * 8
    polls = []

    def later(seconds):
        if seconds <= 30:
            return
        polls.append(seconds)
        portal.faults.clear()
        if failing:
            failing.pop()
            portal.faults.script(DOWN)
            portal.portal.move("DEAL_57", "WON" if len(failing) % 2 else "NEW")
        elif len(polls) > 12:
            raise _EnoughError

    time.on_sleep = later
    payloads = await _all_events(_watches())

    assert polls[:7] == [60, 120, 240, 480, LONGEST_BACK_OFF, LONGEST_BACK_OFF, LONGEST_BACK_OFF]
    assert polls[9:] == [60] * 4
    assert len(payloads) == 8


async def test_a_refusal_for_good_ends_it_after_a_pause_with_our_message(portal, time, monkeypatch):
    monkeypatch.setenv(CONNECTION, connection_json(f"{portal.url}/rest/1/{WRONG}/"))

    with pytest.raises(AuthenticationError) as caught:
        await _events(_watches())

    assert WRONG not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    assert portal.requests.total == 1
    assert time.slept == [120]  # Airflow starts a failed watcher anew at once


async def test_a_traceback_of_a_refusal_shows_no_secret(portal, time, monkeypatch):
    import traceback

    monkeypatch.setenv(CONNECTION, connection_json(f"{portal.url}/rest/1/{WRONG}/"))
    with pytest.raises(Bitrix24Error) as caught:
        await _events(_watches())

    assert WRONG not in "".join(traceback.format_exception(caught.value))


async def test_a_type_that_the_portal_does_not_know_ends_it(portal, time):
    with pytest.raises(Bitrix24Error):
        await _events(_watches(entity_type="DYNAMIC_1044"))


async def test_a_lacking_connection_ends_it_after_a_pause(portal, time):
    with pytest.raises(AirflowNotFoundException, match="nowhere"):
        await _events(_watches(bitrix24_conn_id="nowhere"))

    assert time.slept == [120]


@pytest.mark.parametrize(("interval", "warned"), [(1, True), (5, False)])
async def test_short_intervals_are_warned_of(portal, time, capsys, interval, warned):
    time.on_sleep = lambda _: portal.portal.move("DEAL_57", "WON")

    with _everything_logged() as logged:
        await _events(_watches(poll_interval=interval))

    # Airflow 3 prints what a trigger logs where no triggerer takes it.
    assert ("more often than every 5 s" in logged.getvalue() + capsys.readouterr().out) == warned


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"entity_type": "QUOTE"}, "no stage history of quotes.*StageSensor"),
        ({"entity_type": "CONTACT"}, "no stage history of CONTACT"),
        ({"entity_type": "ORDER"}, "no stage history of ORDER"),
        ({"entity_type": "deals"}, "entity_type is 'deals'.*Write LEAD, DEAL"),
        ({"entity_type": "DYNAMIC"}, "entity_type is 'DYNAMIC'"),
        ({"entity_type": ""}, "entity_type is ''"),
        ({"entity_type": None}, "entity_type is None"),
        ({"entity_type": "DEAL_57"}, "entity_type is 'DEAL_57'"),
        ({"entity_type": "https://example.com/rest/1/secret/"}, "entity_type is a URL"),
        ({"stage": ""}, "stage is ''"),
        ({"stage": []}, r"stage is \[\]"),
        ({"stage": ["WON", 5]}, "stage is .*5"),
        ({"stage": 5}, "stage is 5"),
        ({"category_id": "5"}, "category_id is '5'"),
        ({"category_id": -1}, "category_id is -1"),
        ({"category_id": True}, "category_id is True"),
        ({"entity_type": "LEAD", "category_id": 0}, "leads have no pipelines"),
        ({"poll_interval": 0}, "poll_interval is 0"),
        ({"poll_interval": "60"}, "poll_interval is '60'"),
        ({"poll_interval": True}, "poll_interval is True"),
    ],
)
def test_wrong_arguments_are_refused_when_the_dag_is_read(arguments, words):
    with pytest.raises(ConfigurationError, match=words):
        _watches(**arguments)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"stage": "WON"}, {"stage": ["WON"]}),
        ({"stage": ("WON", "LOSE")}, {"stage": ["LOSE", "WON", "LOSE"]}),
        ({"entity_type": "deal"}, {"entity_type": "DYNAMIC_2"}),
        ({"stage": None}, {}),
    ],
)
def test_equal_wishes_are_one_watcher(one, other):
    assert _watches(**one).serialize() == _watches(**other).serialize()


def test_different_wishes_keep_different_places():
    wishes = [
        Moves.parse("DEAL", None, None),
        Moves.parse("DEAL", "WON", None),
        Moves.parse("DEAL", None, 0),
        Moves.parse("LEAD", None, None),
    ]
    keys = {each.key(conn_id) for each in wishes for conn_id in ("one", "two")}

    assert len(keys) == 8


def test_rows_of_older_portals_hold_numbers_as_texts():
    row = {
        "ID": "12",
        "OWNER_ID": "57",
        "CATEGORY_ID": "5",
        "STAGE_ID": "C5:WON",
        "CREATED_TIME": "2026-11-03T10:20:30+03:00",
    }

    move = Moves.parse("DEAL", None, None).read(row)

    assert (move.history_id, move.target, move.category_id) == (12, "DEAL_57", 5)


@pytest.mark.parametrize("row", [None, [], {}, {"ID": "x"}, {"ID": 1, "OWNER_ID": None}, "row"])
def test_what_is_no_row_is_an_error_of_ours(row):
    with pytest.raises(ProtocolError):
        Moves.parse("DEAL", None, None).read(row)
    with pytest.raises(ProtocolError):
        newest_id([None if row == {"ID": 1, "OWNER_ID": None} else row])
