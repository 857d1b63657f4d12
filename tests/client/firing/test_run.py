"""Firing as a flow: effects and answers one by one, without sockets, clocks and threads."""

from __future__ import annotations

import asyncio

import pytest

from airflow_provider_bitrix24.client import AsyncBitrix24Client, Bitrix24Client
from airflow_provider_bitrix24.client.errors import (
    OutcomeUnknown,
    ProtocolError,
)
from airflow_provider_bitrix24.client.firing.parts import RECORD
from airflow_provider_bitrix24.client.flows.effects import Save
from airflow_provider_bitrix24.client.limits.cost import SharedCost
from tests.support.firing_flow import DENIED, batch, fired, found, item, trigger


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


def test_targets_that_cannot_be_read_are_fired_without_a_reading(perform):
    fire = ("send batch of 2", [fired(2)])
    assert perform(trigger(["CONTACT_7", "ORDER_8"]), ("acquire 1", 0.0), fire).unverified == 2


def test_a_missing_code_is_logged_and_a_default_code_is_used(perform):
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


def test_a_lost_request_is_read_waited_for_and_fired_again(perform):
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


def test_a_process_that_measures_asks_once(perform):
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


def test_a_last_reading_that_fails_leaves_what_the_batch_showed(perform):
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


def test_an_outage_of_minutes_after_a_fire_is_waited_out(perform):
    delays = [1, 2, 4, 8, 16, 30, 30, 30, 30]
    failed_readings = []
    for delay in delays:
        failed_readings += [
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
        *failed_readings,
        ("acquire 1", 156.0),
        ("send batch of 1", [found(item(1, "WON"))]),
    )
    assert (report.moved, report.failed) == (1, 0)


def test_a_credential_that_may_read_nothing_of_a_type_is_logged_once_and_fires_in_batches_all_the_same(perform):
    report = perform(
        trigger(["DEAL_1", "LEAD_1"]),
        ("acquire 1", 0.0),
        ("send batch of 2", [batch([], {"c0": DENIED, "c1": DENIED})]),
        ("log", None),
        ("acquire 1", 0.0),
        ("send batch of 2", [fired(2)]),
    )
    assert report.unverified == 2


def test_a_first_reading_that_fails_permanently_raises_and_nothing_is_fired(perform):
    with pytest.raises(ProtocolError):
        perform(trigger("DEAL_1"), ("acquire 1", 0.0), ("send batch of 1", [(302, b"")]))


def test_commands_that_read_are_repeated_alone_until_they_succeed_or_fail_permanently(perform):
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


def test_commands_that_a_limit_refused_inside_a_lost_batch_are_fired_again(perform):
    """The portal refused the second of three one by one, and its answer was lost."""
    targets = ["DEAL_1", "DEAL_2", "DEAL_3"]
    reading = found(item(1, "WON"), item(2), item(3, "WON"))
    report = perform(
        trigger(targets),
        ("acquire 1", 0.0),
        ("send batch of 1", [found(item(1), item(2), item(3))]),
        ("acquire 1", 0.0),
        ("send batch of 4", [(OutcomeUnknown("lost"), (0.0, 5.0))]),
        ("log", None),
        ("acquire 1", 5.0),
        ("send batch of 1", [reading]),
        ("log", None),
        ("sleep 60 settle", 65.0),
        ("acquire 1", 65.0),
        ("send batch of 1", [reading]),
        ("acquire 1", 65.0),
        ("send batch of 2", [(fired(1, item(2, "WON")), (65.0, 66.0))]),
        ("share cost 0.5", SharedCost(0.5)),
    )
    assert (report.moved, report.unmoved) == (3, 0)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_flow_that_is_interrupted_is_closed_and_its_cause_is_raised(benches, kind):
    class Stopped(BaseException):
        pass

    def stop(_seconds):
        raise Stopped

    with benches(kind, settings={"bucket_size": 3}) as bench:
        targets = bench.stairs(200)
        bench.on_sleep = stop
        with pytest.raises(Stopped):
            bench.fire(targets)
        bench.on_sleep = None
        assert bench.fire(targets).moved == 200


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


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_checkpoint_that_nobody_keeps_is_not_saved(benches, kind):
    def saving():
        yield Save(RECORD, {"form": 2}, ahead=False)
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


def test_what_a_slow_reading_reports_of_working_time_is_told_to_others_as_of_then(perform):
    """The script's rig refuses a report of the future, which others would drop."""
    slow = found(item(1))
    slow["result"]["result_time"] = {"c0": {"operating": 5, "operating_reset_at": 2e9 + 600, "finish": 2e9}}
    report = perform(
        trigger("DEAL_1"),
        ("acquire 1", 0.0),
        ("send batch of 1", [(slow, (0.0, 30.0))]),
        ("acquire 1", 30.0),
        ("send batch of 2", [(fired(1, item(1, "WON")), (30.0, 31.0))]),
        ("share cost 0.5", None),
    )
    assert report.moved == 1
