"""Waiting for a stage on the triggerer, and what both triggers share."""

from __future__ import annotations

import asyncio
import json
from importlib import import_module
from itertools import pairwise

import pytest
from blockbuster import blockbuster_ctx

from airflow_provider_bitrix24.client.clock import Clock
from airflow_provider_bitrix24.compat import aget_connection
from airflow_provider_bitrix24.simulator.portal.accounts import MAIN_SECRET
from airflow_provider_bitrix24.simulator.testing import connection_json
from airflow_provider_bitrix24.triggers import stage as stage_module
from airflow_provider_bitrix24.triggers._bounded import bounded
from airflow_provider_bitrix24.triggers.stage import StageTrigger
from tests.support.misbehaving_server import MisbehavingServer
from tests.support.trigger_runs import (
    CONNECTION,
    DOWN,
    WRONG,
    events,
    everything_logged,
    moves_at_sleeps,
    silent_while_time_flies,
    waits,
    watches,
)

# -- both


@pytest.mark.parametrize(
    "trigger",
    [
        waits(require="any", fail_on=("LOSE",), max_failures=3, verify_conn_id="reader", bitrix24_conn_id="other"),
        waits(expected_stage={"WON", "APOLOGY", "LOSE"}),
        watches(stage=["WON", "LOSE"], category_id=0, bitrix24_conn_id="other", poll_interval=5),
        watches(entity_type="dynamic_177"),
    ],
)
def test_a_trigger_can_be_created_from_its_serialized_form(trigger):
    path, kwargs = trigger.serialize()
    module, _, name = path.rpartition(".")

    again = getattr(import_module(module), name)(**json.loads(json.dumps(kwargs)))

    assert type(again) is type(trigger)
    assert again.serialize() == (path, kwargs)


def test_one_text_is_one_target_and_one_stage():
    one = StageTrigger(targets="DEAL_57", expected_stage="WON", fail_on="LOSE", deadline=0)
    lists = StageTrigger(targets=["DEAL_57"], expected_stage=["WON"], fail_on=["LOSE"], deadline=0)

    assert one.serialize() == lists.serialize()


@pytest.mark.parametrize("make", [waits, watches])
async def test_the_event_loop_is_never_blocked(portal, time, make):
    await aget_connection("bitrix24_default")  # Airflow imports parts of itself at the first one
    time.on_sleep = lambda _: portal.portal.move("DEAL_57", "PREPARATION")

    with blockbuster_ctx():
        async for event in make().run():
            assert event.payload
            break


@pytest.mark.parametrize("make", [waits, watches])
@pytest.mark.parametrize(
    "fault", ["error:500", "reset:after", "html:502", "cut_body:after", "truncated", "empty:after"]
)
async def test_the_secret_is_in_nothing_that_a_trigger_logs_or_fires(portal, time, make, fault, capsys):
    def later(_):
        portal.faults.script([fault] * 5)
        portal.portal.move("DEAL_57", "PREPARATION")
        portal.portal.move("DEAL_58", "PREPARATION")
        time.on_sleep = lambda _: None

    time.on_sleep = later
    trigger = make()
    with everything_logged() as logged:
        payloads = await events(trigger)

    said = capsys.readouterr()
    everything = [repr(trigger), str(trigger.serialize()), str(payloads), logged.getvalue(), said.out, said.err]
    assert not [text for text in everything if MAIN_SECRET in text]


# -- waiting for a stage


async def test_it_sends_one_request_per_interval_and_the_first_one_after_part_of_an_interval(portal, time):
    totals = []

    def later(_):
        totals.append(portal.requests.total)
        if time.now > 1200:
            portal.portal.move("DEAL_57", "PREPARATION")
            portal.portal.move("DEAL_58", "PREPARATION")

    time.on_sleep = later
    (payload,) = await events(waits())

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


async def test_waits_that_start_together_do_not_check_together(portal, time):
    first = []
    for _ in range(20):
        time.slept.clear()
        await events(waits(deadline=time.now + 100))
        first.append(time.slept[0])

    assert len(set(first)) > 10
    assert max(first) - min(first) > 10


async def test_the_last_check_is_at_the_deadline(portal, time):
    (payload,) = await events(waits(deadline=1100, poke_interval=40))

    assert payload["status"] == "timeout"
    assert payload["waiting"] == {"DEAL_57": "NEW", "DEAL_58": "NEW"}
    assert time.now == pytest.approx(1100)
    assert portal.requests.total == len(time.slept)


async def test_a_check_that_hangs_does_not_outlast_the_wait(portal, time, monkeypatch):
    monkeypatch.setattr(stage_module, "LAST_CHECK", 60)
    with MisbehavingServer(silent_while_time_flies(61)) as server:
        monkeypatch.setenv(CONNECTION, connection_json(f"http://127.0.0.1:{server.port}/rest/1/secret12345/"))
        (payload,) = await events(waits(deadline=1010))
        assert len(server.heard) == 1

    assert (payload["status"], payload["message"]) == ("timeout", "")
    assert time.now == 1010


async def test_a_timeout_that_a_step_raises_itself_is_not_taken_for_its_end():
    async def failing():
        raise TimeoutError("a bug's")

    with pytest.raises(TimeoutError, match="a bug's"):
        await bounded(failing(), seconds=60)


async def test_started_after_the_deadline_it_checks_once(portal):
    portal.portal.move("DEAL_57", "PREPARATION")
    portal.portal.move("DEAL_58", "PREPARATION")

    (payload,) = await events(waits(deadline=900))

    assert payload["status"] == "arrived"
    assert portal.requests.total == 1


async def test_restarted_it_keeps_the_deadline(portal, time):
    _, kwargs = waits(deadline=1150).serialize()
    time.now = 1120.0

    (payload,) = await events(StageTrigger(**kwargs))

    assert payload["status"] == "timeout"
    assert time.now == pytest.approx(1150)


async def test_with_require_each_it_remembers_entities_that_have_arrived(portal, time):
    moves_at_sleeps(
        portal,
        time,
        [("DEAL_57", "PREPARATION")],
        [("DEAL_57", "EXECUTING")],
        [("DEAL_58", "PREPARATION")],
    )

    (payload,) = await events(waits(require="each"))

    assert payload["status"] == "arrived"
    assert payload["arrived"] == {"DEAL_57": "PREPARATION", "DEAL_58": "PREPARATION"}
    asked = [json.dumps(request.params) for request in portal.requests]
    assert ("=57" in asked[0], "=57" in asked[-1]) == (True, False)


async def test_with_require_each_it_does_not_wait_for_deleted_entities(portal, time):
    def later(_):
        if portal.portal.find("DEAL_57"):
            portal.portal.remove("DEAL_57")
        elif time.now > 1200:
            portal.portal.move("DEAL_58", "PREPARATION")

    time.on_sleep = later
    (payload,) = await events(waits(require="each"))

    assert payload["status"] == "arrived"
    assert payload["missing"] == ["DEAL_57"]
    assert payload["arrived"] == {"DEAL_58": "PREPARATION"}


async def test_a_permanent_refusal_ends_the_wait_at_once(portal, monkeypatch):
    monkeypatch.setenv(CONNECTION, connection_json(f"{portal.url}/rest/1/{WRONG}/"))

    (payload,) = await events(waits())

    assert (payload["status"], payload["permanent"]) == ("error", True)
    assert "INVALID_CREDENTIALS" in payload["message"]
    assert WRONG not in str(payload)
    assert portal.requests.total == 1


async def test_whatever_a_check_meets_a_pause_follows(portal, time):
    portal.faults.script(["error:500", "html:502", "empty", "reset", "cut_body"], repeat=True)

    await events(waits(deadline=10_000))

    polls = [slept for slept in time.slept if slept > 30]
    assert portal.requests.total <= 5 * (len(polls) + 1)
    assert time.now >= 10_000


@pytest.mark.parametrize(("bound", "looks"), [(3, 3), (None, 10)])
async def test_transient_errors_in_a_row_end_the_wait_at_max_failures(portal, bound, looks):
    portal.faults.script(["error:500"], repeat=True)

    (payload,) = await events(waits(max_failures=bound, deadline=1600, poke_interval=60))

    assert payload["status"] == ("error" if bound else "timeout")
    assert payload["permanent"] is False
    assert portal.requests.total <= 5 * looks


async def test_only_errors_in_a_row_count_towards_max_failures(portal, time):
    def later(seconds):
        if seconds > 30 and len([each for each in time.slept if each > 30]) % 2:
            portal.faults.script(DOWN)

    time.on_sleep = later
    (payload,) = await events(waits(max_failures=2, deadline=2000))

    assert payload["status"] == "timeout"


async def test_the_event_names_a_connection_that_the_triggerer_lacks(portal):
    (payload,) = await events(waits(bitrix24_conn_id="nowhere"))

    assert payload["status"] == "error"
    assert "The triggerer finds no connection 'nowhere'" in payload["message"]


async def test_a_wrong_connection_ends_the_wait(portal, monkeypatch):
    monkeypatch.setenv(CONNECTION, json.dumps({"conn_type": "bitrix24"}))

    (payload,) = await events(waits())

    assert (payload["status"], payload["permanent"]) == ("error", True)
    assert "bitrix24_default" in payload["message"]


async def test_a_bug_is_raised_and_not_fired_as_an_event(portal, monkeypatch):
    monkeypatch.setattr(stage_module.StageWait, "observe", lambda *_: {}["bug"])

    with pytest.raises(KeyError, match="bug"):
        await events(waits())


async def test_a_wait_that_is_cancelled_closes_its_connections(portal, monkeypatch):
    from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook

    closed = []
    original = Bitrix24Hook.aclose

    async def aclose(hook):
        closed.append(hook)
        await original(hook)

    monkeypatch.setattr(Bitrix24Hook, "aclose", aclose)
    forever = asyncio.Event()
    monkeypatch.setattr(StageTrigger, "_clock", Clock(asleep=lambda _: forever.wait()))
    task = asyncio.ensure_future(events(waits()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task

    assert len(closed) == 1
