"""Firing as a flow: effects and answers one by one, without sockets, clocks and threads."""

from __future__ import annotations

import asyncio
import json

import pytest

from airflow_provider_bitrix24.client import AsyncBitrix24Client, Bitrix24Client
from airflow_provider_bitrix24.client.base import BaseClient
from airflow_provider_bitrix24.client.errors import (
    AuthenticationError,
    CheckpointError,
    ConfigurationError,
    OutcomeUnknown,
    ProtocolError,
)
from airflow_provider_bitrix24.client.firing.kept import RECORD, TARGETS
from airflow_provider_bitrix24.client.firing.monitor import FiringMonitor
from airflow_provider_bitrix24.client.flows.effects import Acquire, Acquired, Save, Send
from airflow_provider_bitrix24.client.limits.cost import SharedCost
from airflow_provider_bitrix24.client.portal import Portal
from airflow_provider_bitrix24.client.protocol.wire import HttpResponse
from airflow_provider_bitrix24.client.settings import ClientSettings
from airflow_provider_bitrix24.client.targets import EntityRef
from tests.support.firing import NEW, NEXT, MemoryStore, Try, deal, deals

DENIED = {"error": "ACCESS_DENIED", "error_description": "No."}
WRONG = (401, {"error": "INVALID_CREDENTIALS"})
AT = "2026-01-01T00:00:00+03:00"
STAGES = [
    {"STATUS_ID": "NEW", "NAME": "New", "SORT": 10},
    {"STATUS_ID": "PREPARATION", "NAME": "Prepare documents", "SORT": 20},
    {"STATUS_ID": "WON", "NAME": "Deal won", "SORT": 30},
]

LEADS = [{"STATUS_ID": "CONVERTED", "NAME": "Good lead", "SORT": 10}]


def item(number, stage="NEW", moved=AT):
    return {"id": number, "stageId": stage, "categoryId": 0, "movedTime": moved}


def batch(results, errors=None):
    return {"result": {"result": results, "result_error": errors or []}}


def found(*items, stages=None):
    """The answer to a batch of one list of entities, and perhaps a list of stages."""
    return batch({"c0": {"items": list(items)}} | ({} if stages is None else {"c1": stages}))


def fired(count, *read):
    """The answer to a batch that fires so many targets, and perhaps reads them back."""
    results = {f"c{number}": True for number in range(count)}
    if read:
        results[f"c{count}"] = {"items": list(read)}
    return batch(results)


def at(portal_second, answer):
    """An answer that tells when the portal began and finished."""
    return answer | {"time": {"start": 2e9 + portal_second, "finish": 2e9 + portal_second}}


def client_of(**options):
    portal = Portal(base_url="https://example.bitrix24.com", user_id="1", secret="s")
    made = BaseClient(portal, settings=ClientSettings(max_concurrency=2), **options)
    made._channel.random = lambda: 1.0
    return made


def trigger(
    target, code="c", expected_stage=None, *, verify=True, checkpoint_store=None, monitor=None, now=0.0, **options
):
    return client_of(**options)._trigger_automation(
        target, code, expected_stage, verify=verify, now=now, checkpoint_store=checkpoint_store, monitor=monitor
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
        ("log", None),
    )
    assert (report.moved, report.unmoved) == (3, 0)


# -- expected stages are checked before the first fire


def test_an_expected_stage_that_exists_costs_no_request(perform):
    report = perform(
        trigger("DEAL_1", expected_stage="WON"),
        ("acquire 1", 0.0),
        ("send batch of 2", [found(item(1), stages=STAGES)]),
        ("acquire 1", 0.0),
        ("send batch of 2", [fired(1, item(1, "WON"))]),
    )
    assert report.moved == 1


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [("won", "WON"), ("Prepare documents", "PREPARATION"), ("Deal won", "WON"), ("PREPARATOIN", "PREPARATION")],
)
def test_nothing_is_fired_for_a_stage_that_does_not_exist(perform, wrong, meant):
    with pytest.raises(ConfigurationError) as caught:
        perform(
            trigger("DEAL_1", expected_stage=["NEW", wrong]),
            ("acquire 1", 0.0),
            ("send batch of 2", [found(item(1, "PREPARATION"), stages=STAGES)]),
        )
    assert f"Did you mean {meant} (" in str(caught.value)


def test_a_stage_that_does_not_exist_is_found_even_if_a_target_stands_at_another_expected_one(perform):
    with pytest.raises(ConfigurationError):
        perform(
            trigger("DEAL_1", expected_stage=["NEW", "won"]),
            ("acquire 1", 0.0),
            ("send batch of 2", [found(item(1), stages=STAGES)]),
        )


@pytest.mark.parametrize(
    "answer", [batch({"c0": {"items": [item(1)]}}, {"c1": DENIED}), found(item(1), stages=[]), found(item(1))]
)
def test_where_the_stages_cannot_be_read_the_target_is_fired_all_the_same(perform, answer):
    report = perform(
        trigger("DEAL_1", expected_stage="won"),
        ("acquire 1", 0.0),
        ("send batch of 2", [answer]),
        ("log", None),
        ("acquire 1", 0.0),
        ("send batch of 2", [fired(1, item(1, "WON", "later"))]),
        ("acquire 1", 0.0),
        ("send batch of 1", [found(item(1, "WON", "later"))]),
    )
    assert report.elsewhere == 1


def test_a_stage_of_another_pipeline_is_logged_and_fired_for(perform):
    at_5 = {**item(1, "C5:NEW"), "categoryId": 5}
    report = perform(
        trigger("DEAL_1", expected_stage="WON"),
        ("acquire 1", 0.0),
        ("send batch of 2", [found(at_5, stages=STAGES)]),
        ("log", None),
        ("acquire 1", 0.0),
        ("send batch of 2", [fired(1, item(1, "WON"))]),
    )
    assert report.moved == 1


def test_a_robot_that_moves_a_target_on_makes_it_elsewhere(perform):
    report = perform(
        trigger("DEAL_1", expected_stage="PREPARATION"),
        ("acquire 1", 0.0),
        ("send batch of 2", [found(item(1), stages=STAGES)]),
        ("acquire 1", 0.0),
        ("send batch of 2", [fired(1, item(1, "WON", "later"))]),
        ("acquire 1", 0.0),
        ("send batch of 1", [found(item(1, "WON", "later"))]),
    )
    assert (report.elsewhere, report.unmoved, report.results[0].stage_after) == (1, 0, "WON")


# -- a next try


@pytest.fixture
def open_request():
    """A store in which a try was cut off that had sent DEAL_1 when the portal's clock said 2e9."""
    store = MemoryStore()
    first = Try(deal(1), store=store)
    first.read({1: NEW})
    first.send(1)
    return store


def resumed(store, target="DEAL_1", *, now=7.0, **options):
    return trigger(target, checkpoint_store=store, now=now, **options)


def test_what_an_earlier_try_had_sent_is_read_first_and_not_fired_if_it_moved(perform, open_request):
    report = perform(
        resumed(open_request),
        ("log", None),
        ("acquire 1", 7.0),
        ("send batch of 1", [at(20, found(item(1, "WON", "later")))]),
        ("save", None),
    )
    assert (report.moved, report.results[0].stage_before) == (1, "NEW")


@pytest.mark.parametrize("now", [7.0, 307.0, 1e9])
def test_whatever_this_hosts_clock_says_it_is_fired_again_only_when_the_portals_says_so(perform, open_request, now):
    """20 s after the send by the portal's clock, which may be 3 s off, 43 s are left of the minute."""
    reading = found(item(1))
    report = perform(
        resumed(open_request, now=now),
        ("log", None),
        ("acquire 1", now),
        ("send batch of 1", [(at(20, reading), (now, now))]),
        ("save", None),
        ("log", None),
        ("sleep 43 settle", now + 43),
        ("acquire 1", now + 43),
        ("send batch of 1", [(at(63, reading), (now + 43, now + 43))]),
        ("acquire 1", now + 43),
        ("save", None),
        ("send batch of 2", [(at(64, fired(1, item(1, "WON"))), (now + 43, now + 44))]),
        ("save", None),
        ("share cost 0.5", SharedCost(0.5)),
        ("log", None),
        ("save", None),
    )
    assert report.moved == 1


def test_where_the_portals_clock_is_not_known_the_whole_minute_is_waited(perform, open_request):
    report = perform(
        resumed(open_request),
        ("log", None),
        ("acquire 1", 7.0),
        ("send batch of 1", [found(item(1))]),
        ("save", None),
        ("log", None),
        ("sleep 60 settle", 67.0),
        ("acquire 1", 67.0),
        ("send batch of 1", [found(item(1, "WON", "later"))]),
        ("save", None),
    )
    assert report.moved == 1


@pytest.fixture
def finished():
    """A store in which a try has moved DEAL_1 and fired DEAL_2 without effect, at 2e9 by the portal's clock."""
    store = MemoryStore()
    first = Try(*deals(1, 2), store=store)
    first.read({1: NEW, 2: NEW})
    [targets] = first.send(2)
    first.accept(targets, {deal(1): NEXT, deal(2): NEW})
    first.end()
    return store


def test_a_target_that_moved_after_its_try_had_ended_is_reported_and_not_fired(perform, finished):
    report = perform(
        resumed(finished, ["DEAL_1", "DEAL_2"]),
        ("log", None),
        ("acquire 1", 7.0),
        ("send batch of 1", [at(5, found(item(2, "PREPARATION", "later")))]),
        ("save", None),
    )
    assert (report.moved, report.unmoved) == (2, 0)


def test_one_target_more_is_read_and_fired_while_the_others_are_kept(perform, finished):
    report = perform(
        resumed(finished, ["DEAL_3", "DEAL_2", "DEAL_1"]),
        ("log", None),
        ("acquire 1", 7.0),
        ("send batch of 1", [at(5, found(item(2, "PREPARATION", "later")))]),
        ("acquire 1", 7.0),
        ("send batch of 1", [found(item(3))]),
        ("save", None),
        ("acquire 1", 7.0),
        ("save", None),
        ("save", None),
        ("send batch of 2", [fired(1, item(3, "WON"))]),
        ("save", None),
        ("save", None),
    )
    assert [result.target for result in report.results] == ["DEAL_3", "DEAL_2", "DEAL_1"]
    assert report.moved == 3


def test_a_resumption_whose_stage_does_not_exist_fires_nothing_and_reports_what_is_known(perform, finished):
    report = perform(
        resumed(finished, ["DEAL_1", "DEAL_2", "DEAL_3"], expected_stage="Won"),
        ("log", None),
        ("acquire 1", 7.0),
        ("send batch of 1", [at(5, found(item(2, "PREPARATION", "later")))]),
        ("acquire 1", 7.0),
        ("send batch of 2", [found(item(3), stages=STAGES)]),
        ("log", None),
        ("acquire 1", 7.0),
        ("send batch of 1", [found(item(2, "PREPARATION", "later"))]),
        ("save", None),
        ("save", None),
    )
    assert (report.moved, report.elsewhere, report.failed) == (1, 1, 1)
    refused = report.results[2].error
    assert (refused.code, refused.executed, refused.permanent) == ("ConfigurationError", "no", True)


def test_the_stages_of_all_types_count_in_a_resumption_that_fires_only_some(perform):
    """The lead's stage is in no dictionary of deals, and the lead is done."""
    store, lead = MemoryStore(), EntityRef(1, 1)
    first = Try(lead, store=store)
    first.record_window(first.ledger.take_window(1), {lead: NEW})
    first.accept(*first.send(1), {lead: NEXT})
    first.end()
    report = perform(
        resumed(store, ["LEAD_1", "DEAL_3"], expected_stage=["CONVERTED", "WON"]),
        ("log", None),
        ("acquire 1", 7.0),
        ("send batch of 3", [batch({"c0": {"items": [item(3)]}, "c1": LEADS, "c2": STAGES})]),
        ("save", None),
        ("acquire 1", 7.0),
        ("save", None),
        ("save", None),
        ("send batch of 2", [fired(1, item(3, "WON"))]),
        ("save", None),
        ("save", None),
    )
    assert report.moved == 2


def test_a_reading_that_fails_permanently_in_a_resumption_is_reported_not_raised(perform, finished):
    report = perform(
        resumed(finished, ["DEAL_1", "DEAL_2", "DEAL_3"]),
        ("log", None),
        ("acquire 1", 7.0),
        ("send batch of 1", [WRONG]),
        ("log", None),
        ("save", None),
        ("save", None),
    )
    assert (report.moved, report.failed) == (1, 2)
    assert [result.error.executed for result in report.results[1:]] == ["unknown", "no"]


@pytest.mark.parametrize("part", [RECORD, TARGETS, "snapshot_0"])
@pytest.mark.parametrize("damage", ['"text"', "{}", "[]", '{"form": 3}', '{"form": 2, "rows": "?", "lists": ["?"]}'])
def test_a_damaged_checkpoint_ends_a_try_before_anything_is_sent(perform, open_request, part, damage):
    open_request[part] = damage
    with pytest.raises(CheckpointError) as caught:
        perform(resumed(open_request))
    assert (caught.value.executed, caught.value.permanent) == ("no", True)


def test_a_checkpoint_of_another_portal_ends_a_try_before_anything_is_sent(perform, open_request):
    record = json.loads(open_request[RECORD])
    open_request[RECORD] = json.dumps({**record, "host": "other.bitrix24.com"})
    with pytest.raises(CheckpointError, match=r"is of the portal other\.bitrix24\.com"):
        perform(resumed(open_request))


# -- interruption


def interrupted(flow, effects, *answers):
    """Let a flow run up to one of its effects, then interrupt it there; returns the effect's name."""
    left, result = list(answers), None
    for _ in range(effects):
        effect = flow.send(result)
        result = left.pop(0) if isinstance(effect, Acquire | Send) else 0.0
    flow.close()
    return type(effect).__name__


def test_a_wrong_credential_before_anything_was_sent_is_raised(perform):
    monitor = FiringMonitor()
    with pytest.raises(AuthenticationError):
        perform(trigger("DEAL_1", monitor=monitor), ("acquire 1", 0.0), ("send batch of 1", [WRONG]))
    assert not monitor.sent


@pytest.mark.parametrize(
    ("place", "effect", "sent"),
    [
        (1, "Acquire", False),
        (2, "Send", False),  # the reading
        (3, "Save", False),
        (4, "Acquire", False),
        (5, "Save", False),
        (6, "Save", False),  # written ahead, and it has not left
        (7, "Send", True),
    ],
)
def test_an_interruption_is_known_to_come_before_or_after_the_first_fire(place, effect, sent):
    reading = HttpResponse(status=200, body=json.dumps(found(item(1))).encode())
    monitor = FiringMonitor()
    flow = trigger("DEAL_1", checkpoint_store=MemoryStore(), monitor=monitor)
    assert interrupted(flow, place, Acquired(1, 0.0, 0.0), (reading,), Acquired(1, 0.0, 0.0), ()) == effect
    assert monitor.sent is sent
    report = monitor.interrupted_report(OutcomeUnknown("out of time"))
    assert [result.error.executed for result in report.results] == ["unknown" if sent else "no"]


def test_an_interruption_of_a_resumption_comes_after_an_earlier_trys_fire(open_request):
    monitor = FiringMonitor()
    flow = resumed(open_request, monitor=monitor)
    assert interrupted(flow, 2, Acquired(1, 0.0, 0.0)) == "Acquire"
    assert monitor.sent


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_flow_that_is_interrupted_is_closed_and_its_cause_is_raised(benches, kind):
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
        client_of()._execute_trigger("deal_057", "c"),
        ("acquire 1", 0.0),
        ("send crm.automation.trigger.execute", [{"result": True}]),
    )
    assert executed is True


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
