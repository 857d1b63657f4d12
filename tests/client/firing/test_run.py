"""Firing as a conversation: wishes and answers one by one, without sockets, clocks and threads."""

from __future__ import annotations

import asyncio

import pytest

from airflow_provider_bitrix24.client import AsyncBitrix24Client, Bitrix24Client
from airflow_provider_bitrix24.client.base import BaseClient
from airflow_provider_bitrix24.client.errors import ConfigurationError, OutcomeUnknown, ProtocolError
from airflow_provider_bitrix24.client.flows.effects import Save, Start
from airflow_provider_bitrix24.client.limits.cost import SharedCost
from airflow_provider_bitrix24.client.portal import Portal
from airflow_provider_bitrix24.client.settings import ClientSettings

DENIED = {"error": "ACCESS_DENIED", "error_description": "No."}
PAGE = (502, b"<html>")


def item(number, stage="NEW", moved="2026-01-01T00:00:00+03:00"):
    return {"id": number, "stageId": stage, "categoryId": 0, "movedTime": moved}


def found(*items):
    """The answer to a batch of one look."""
    return batch({"c0": {"items": list(items)}})


def batch(results, errors=None):
    return {"result": {"result": results, "result_error": errors or []}}


def fired(count, *looked):
    results = {f"c{number}": True for number in range(count)}
    if looked:
        results[f"c{count}"] = {"items": list(looked)}
    return batch(results)


def talk(**options):
    portal = Portal(base_url="https://example.bitrix24.com", user_id="1", secret="s")
    made = BaseClient(portal, settings=ClientSettings(max_concurrency=2), **options)
    made._channel.random = lambda: 1.0
    return made


def trigger(target, code="c", expected_stage=None, *, verify=True, checkpoint_store=None, **options):
    start = Start(0.0, 1_000_000.0)
    return talk(**options)._trigger_automation(
        target, code, expected_stage, verify=verify, start=start, checkpoint_store=checkpoint_store
    )


def test_one_target_is_read_fired_and_seen_to_have_moved(perform):
    report = perform(
        trigger("DEAL_1"),
        ("acquire 1", 0.0),
        ("send batch of 1", [found(item(1))]),
        ("acquire 1", 0.0),
        ("send batch of 2", [fired(1, item(1, "WON"))]),
    )
    assert (report.moved, report.results[0].stage_before, report.results[0].stage_after) == (1, "NEW", "WON")


def test_an_unverified_target_is_the_documented_call_and_an_empty_list_is_nothing(perform):
    direct = ("send crm.automation.trigger", [{"result": True}])
    assert perform(trigger("DEAL_1", verify=False), ("acquire 1", 0.0), direct).unverified == 1
    assert perform(trigger([])).results == []
    assert perform(trigger([], code=None)).results == []


def test_a_missing_code_is_said_and_a_default_code_is_used(perform):
    report = perform(
        trigger("DEAL_1", None, verify=False),
        ("log", None),
        ("acquire 1", 0.0),
        ("send crm.automation.trigger", [{"result": True}]),
    )
    assert report.code is None
    for code in (None, ""):
        defaulted = perform(
            trigger("DEAL_1", code, verify=False, default_code="d"),
            ("acquire 1", 0.0),
            ("send crm.automation.trigger", [{"result": True}]),
        )
        assert defaulted.code == "d"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"target": "DEAL_1", "code": 5}, "code is of type int"),
        ({"target": "DEAL_1", "code": "\ud800"}, "code holds half a character"),
        ({"target": "DEAL_1", "expected_stage": "WON", "verify": False}, "expected_stage needs verification"),
        ({"target": ["DEAL_1", "CONTACT_7"], "expected_stage": "WON"}, "cannot be checked for CONTACT_7"),
        ({"target": "DEAL_1", "expected_stage": []}, "expected_stage is"),
        ({"target": None}, "target is None"),
    ],
)
def test_a_wrong_argument_is_refused_before_anything_is_sent(perform, options, named):
    with pytest.raises(ConfigurationError) as caught:
        perform(trigger(**options))
    assert named in str(caught.value)


def test_a_lost_request_is_looked_at_waited_for_and_fired_again(perform):
    report = perform(
        trigger("DEAL_1"),
        ("acquire 1", 0.0),
        ("send batch of 1", [found(item(1))]),
        ("acquire 1", 0.0),
        ("send batch of 2", [(OutcomeUnknown("lost"), (0.0, 5.0))]),
        ("log", None),
        ("acquire 1", 5.0),
        ("send batch of 1", [found(item(1))]),
        ("log", None),
        ("sleep 55 settle", 60.0),
        ("acquire 1", 60.0),
        ("send batch of 1", [found(item(1))]),
        ("acquire 1", 60.0),
        ("send batch of 2", [(fired(1, item(1, "WON")), (60.0, 61.0))]),
        ("share cost 0.5", SharedCost(0.5)),
        ("log", None),
    )
    assert report.moved == 1


def test_what_another_process_measured_is_taken_over_or_waited_for(perform):
    targets = [f"DEAL_{number}" for number in range(1, 41)]
    items = [item(number) for number in range(1, 41)]
    moved = [item(number, "WON") for number in range(1, 41)]
    report = perform(
        trigger(targets),
        ("acquire 1", 0.0),
        ("send batch of 1", [found(*items)]),
        ("ask cost", SharedCost(None, 0.1)),
        ("sleep 0.1 pace", 0.1),
        ("ask cost", SharedCost(0.005)),
        ("acquire 1", 0.1),
        ("send batch of 41", [(fired(40, *moved), (0.1, 0.2))]),
        ("share cost 0.00243902", SharedCost(0.0)),
    )
    assert report.moved == 40


def test_who_measures_asks_once(perform):
    targets = [f"DEAL_{number}" for number in range(1, 26)]
    items = [item(number) for number in range(1, 26)]
    moved = [item(number, "WON") for number in range(1, 26)]
    report = perform(
        trigger(targets),
        ("acquire 1", 0.0),
        ("send batch of 1", [found(*items)]),
        ("ask cost", SharedCost(None)),
        ("acquire 1", 0.0),
        ("send batch of 25", [(401, {"error": "CONNECTION_ERROR"})]),
        ("sleep 1 retry", 1.0),
        ("acquire 1", 1.0),
        ("send batch of 25", [fired(24, *moved[:24])]),
        ("acquire 1", 1.0),
        ("send batch of 2", [fired(1, moved[24])]),
    )
    assert report.moved == 25


def test_a_last_look_that_fails_leaves_what_was_seen_in_the_batch(perform):
    report = perform(
        trigger("DEAL_1"),
        ("acquire 1", 0.0),
        ("send batch of 1", [found(item(1))]),
        ("acquire 1", 0.0),
        ("send batch of 2", [fired(1, item(1))]),
        ("acquire 1", 0.0),
        ("send batch of 1", [(401, {"error": "INVALID_CREDENTIALS"})]),
        ("log", None),
    )
    assert (report.unmoved, report.results[0].stage_after) == (1, "NEW")


def test_an_outage_of_minutes_after_a_fire_is_sat_out(perform):
    delays = [1, 2, 4, 8, 16, 30, 30, 30, 30]
    failed_looks = []
    for delay in delays:
        failed_looks += [
            ("acquire 1", 5.0),
            ("send batch of 1", [(502, b"<html>")]),
            ("log", None),
            (f"sleep {delay} retry", 5.0),
        ]
    report = perform(
        trigger("DEAL_1"),
        ("acquire 1", 0.0),
        ("send batch of 1", [found(item(1))]),
        ("acquire 1", 0.0),
        ("send batch of 2", [(OutcomeUnknown("lost"), (0.0, 5.0))]),
        ("log", None),
        *failed_looks,
        ("acquire 1", 156.0),
        ("send batch of 1", [found(item(1, "WON"))]),
    )
    assert (report.moved, report.failed) == (1, 0)


def test_an_advice_is_not_worth_an_error(perform):
    report = perform(
        trigger("DEAL_1", expected_stage="X"),
        ("acquire 1", 0.0),
        ("send batch of 1", [found(item(1))]),
        ("acquire 1", 0.0),
        ("send batch of 2", [fired(1, item(1))]),
        ("acquire 1", 0.0),
        ("send batch of 1", [found(item(1))]),
        ("acquire 1", 0.0),
        ("send crm.status.list", [(403, DENIED)]),
    )
    assert (report.unmoved, report.results[0].reason) == (1, None)


def test_who_may_read_nothing_of_a_type_is_told_once_and_fires_in_batches_all_the_same(perform):
    report = perform(
        trigger(["DEAL_1", "LEAD_1"]),
        ("acquire 1", 0.0),
        ("send batch of 2", [batch([], {"c0": DENIED, "c1": DENIED})]),
        ("log", None),
        ("acquire 1", 0.0),
        ("send batch of 2", [fired(2)]),
    )
    assert report.unverified == 2


def test_a_snapshot_that_fails_for_good_raises_and_nothing_is_fired(perform):
    with pytest.raises(ProtocolError):
        perform(trigger("DEAL_1"), ("acquire 1", 0.0), ("send batch of 1", [(302, b"")]))


def test_commands_that_read_are_repeated_alone_until_they_succeed_or_fail_for_good(perform):
    spent = {"error": "OPERATION_TIME_LIMIT", "error_description": ""}
    there = {"items": [item(1, "WON")]}
    report = perform(
        trigger(["DEAL_1", "LEAD_1", "QUOTE_1"]),
        ("acquire 1", 0.0),
        ("send batch of 3", [batch({"c0": {"items": [item(1)]}}, {"c1": spent, "c2": {"error": "NOT_FOUND"}})]),
        ("log", None),
        ("sleep 10 retry", 10.0),
        ("acquire 1", 10.0),
        ("send batch of 1", [found(item(1))]),
        ("acquire 1", 10.0),
        ("send batch of 4", [batch({"c0": True, "c1": True, "c2": there, "c3": there})]),
    )
    assert (report.moved, report.failed) == (2, 1)
    assert report.results[2].error.code == "NOT_FOUND"


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_conversation_that_is_interrupted_is_closed_and_its_cause_comes_out(benches, kind):
    class Stopped(BaseException):
        pass

    def stop(_seconds):
        raise Stopped

    with benches(kind, settings={"bucket_size": 3}) as bench:
        targets = bench.stairs(60)
        bench.on_sleep = stop
        with pytest.raises(Stopped):
            bench.fire(targets)
        bench.on_sleep = None
        assert bench.fire(targets).moved == 60


async def test_a_cancelled_firing_sends_nothing_more(benches):
    with benches("async", auto_advance=False) as bench:
        targets = bench.stairs(60)
        bench.server.latency.set(request_ms=1000)
        portal, options = bench.client_parts()
        async with AsyncBitrix24Client(portal, **options) as client:
            firing = asyncio.ensure_future(client.trigger_automation(targets, "c"))
            while bench.server.requests.total == 0:  # noqa: ASYNC110 - the portal runs in another thread
                await asyncio.sleep(0)
            firing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await firing
        assert bench.server.requests.total == 1
        assert bench.portal.fires == {}


def test_an_applications_trigger_is_fired_by_number(perform):
    executed = perform(
        talk()._execute_trigger("deal_057", "c"),
        ("acquire 1", 0.0),
        ("send crm.automation.trigger.execute", [{"result": True}]),
    )
    assert executed is True


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_progress_that_nobody_keeps_is_not_saved(benches, kind):
    def saving():
        yield Save({"form": 1}, ahead=False)
        return "done"

    with benches(kind) as bench:
        portal, options = bench.client_parts()
        if kind == "sync":
            with Bitrix24Client(portal, **options) as client:
                assert client._driver.run(saving()) == "done"
            return

        async def run():
            async with AsyncBitrix24Client(portal, **options) as client:
                return await client._driver.run(saving())

        assert asyncio.run(run()) == "done"
