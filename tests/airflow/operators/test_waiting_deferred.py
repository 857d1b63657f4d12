"""The operator's wait on the triggerer: it ends as in the worker, and fails closed if something is lost."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from airflow_provider_bitrix24._tasks.deferred_report import DEFERRED_REPORT_KEY, load_report
from airflow_provider_bitrix24.client.errors import TransportError
from airflow_provider_bitrix24.exceptions import LostEventError
from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator
from airflow_provider_bitrix24.simulator.portal.accounts import MAIN_SECRET
from airflow_provider_bitrix24.simulator.portal.faults import Fault, FaultKind
from airflow_provider_bitrix24.simulator.portal.model import User
from airflow_provider_bitrix24.simulator.testing import SimulatorServer, connection_json

DEALS = ["DEAL_57", "DEAL_58", "DEAL_59"]
DOWN = ["error:500"] * 5
"""As often as one request is tried."""


@pytest.fixture
def move(run_task, portal):
    """Run a TriggerAutomationOperator whose entities are kept from moving by themselves."""
    portal.portal.add_veto("PREPARATION")

    def run(on_event=lambda event: event, **arguments):
        defaults = {
            "task_id": "move",
            "target": DEALS,
            "code": "c5u4m",
            "expected_stage": "PREPARATION",
            "wait_timeout": 600,
            "deferrable": True,
        }
        return run_task(lambda: TriggerAutomationOperator(**defaults | arguments), on_event)

    return run


def _arrive(portal, targets, stage="PREPARATION"):
    for target in targets:
        if portal.portal.find(target) and portal.portal.stage_of(target) != stage:
            portal.portal.move(target, stage)


def _all_arrive(portal, time):
    time.on_sleep = lambda _: _arrive(portal, DEALS) if time.now > 1100 else None


def _one_arrives(portal, time):
    time.on_sleep = lambda _: _arrive(portal, DEALS[:1])


def _they_move_on(portal, time):
    def later(_):
        _arrive(portal, DEALS[:1], "PREPARATION" if time.now < 1070 else "EXECUTING")
        _arrive(portal, DEALS[1:] if time.now > 1150 else [])

    time.on_sleep = later


def _one_is_deleted(portal, time):
    def later(_):
        if portal.portal.find("DEAL_58"):
            portal.portal.remove("DEAL_58")
        _arrive(portal, ["DEAL_57", "DEAL_59"] if time.now > 1100 else [])

    time.on_sleep = later


def _the_portal_fails_for_a_while(portal, time):
    def later(_):
        time.on_sleep = lambda _: None
        portal.faults.script(DOWN * 2)
        _arrive(portal, DEALS)

    time.on_sleep = later


def _the_portal_is_closed(portal, time):
    time.on_sleep = lambda _: setattr(portal.portal.settings, "is_closed", True)


def _nothing_happens(portal, time):
    pass


MEANWHILE = [
    _all_arrive,
    _one_arrives,
    _they_move_on,
    _one_is_deleted,
    _the_portal_fails_for_a_while,
    _the_portal_is_closed,
    _nothing_happens,
]
OPTIONS = [
    {},
    {"on_unmoved": "warn"},
    {"on_unmoved": "skip"},
    {"on_unmoved": "ignore"},
    {"retries": 2, "retry_delay": timedelta(0)},
    {"target": [*DEALS, "DEAL_60", "DEAL_999"]},
    {"target": "DEAL_57"},
    {"wait_timeout": 0},
    {"wait_timeout": 90, "poke_interval": 40},
]


@pytest.mark.parametrize("options", OPTIONS, ids=[json.dumps(each, default=str) for each in OPTIONS])
@pytest.mark.parametrize("meanwhile", MEANWHILE)
@pytest.mark.no_cover
def test_a_wait_ends_the_same_way_in_the_worker_and_on_the_triggerer(run_task, time, monkeypatch, meanwhile, options):
    time.random = lambda: 1.0
    arguments = {"task_id": "move", "target": DEALS, "code": "c5u4m", "expected_stage": "PREPARATION"}
    ends = []
    for deferrable in (False, True):
        with SimulatorServer(seed="demo") as portal:
            monkeypatch.setenv("AIRFLOW_CONN_BITRIX24_DEFAULT", connection_json(portal.webhook_url))
            portal.portal.add_veto("PREPARATION")
            time.now, time.slept = 1000.0, []
            getattr(run_task, "state_store", {}).clear()  # each is a task of its own
            meanwhile(portal, time)
            own = {"wait_timeout": 600, "deferrable": deferrable}
            ran = run_task(lambda chosen=arguments | own | options: TriggerAutomationOperator(**chosen))
        assert len(ran.deferrals) == (deferrable and options.get("wait_timeout") != 0)
        end = {
            "state": ran.state,
            "returned": ran.xcoms.get("return_value"),
            "pushed": ran.xcoms.get("report"),
            "error": (type(ran.error).__name__, str(ran.error)),
            "slept": time.slept,
            "requests": portal.requests.total,
            "outcomes": sorted(line for line in ran.log if "moved" in line[1]),
        }
        ends.append(json.loads(json.dumps(end).replace(portal.url, "https://portal")))

    assert ends[0] == ends[1]


def test_a_deferred_wait_needs_one_trigger_and_one_request_per_check(portal, move, time):
    ids = range(1000, 1200)
    for number in ids:
        portal.portal.add_deal(id=number)
    targets = [f"DEAL_{number}" for number in ids]
    times = []

    def later(_):
        times.append(portal.requests.total)
        _arrive(portal, targets[: len(times) * 50])

    time.on_sleep = later
    ran = move(target=targets)

    assert ran.state == "success"
    assert ran.report["moved"] == 200
    assert len(ran.deferrals) == 1
    assert len(times) == 4
    assert [after - before for before, after in zip(times, [*times[1:], portal.requests.total], strict=True)] == [1] * 4
    assert max(portal.fires[target] for target in targets) == 1


def test_the_report_is_in_xcom_before_the_task_defers_itself(portal, move):
    ran = move(target=[*DEALS, "DEAL_999"], wait_timeout=60)

    pushed = load_report(ran.xcoms[DEFERRED_REPORT_KEY])
    assert [each.outcome for each in pushed.results] == ["unmoved"] * 3 + ["failed"]


def test_the_arguments_of_the_trigger_are_json_without_a_secret(portal, move):
    ran = move()

    (deferral,) = ran.deferrals
    assert deferral.classpath == "airflow_provider_bitrix24.triggers.stage.StageTrigger"
    assert json.loads(json.dumps(deferral.kwargs)) == deferral.kwargs
    assert deferral.kwargs["deadline"] == 1600
    assert MAIN_SECRET not in json.dumps([deferral.kwargs, deferral.event, ran.xcoms], default=str)


@pytest.mark.no_cover
def test_a_long_report_survives_deferral(portal, move):
    ids = range(1000, 2100)
    for number in ids:
        portal.portal.add_deal(id=number, stage="PREPARATION")

    ran = move(target=[*(f"DEAL_{number}" for number in ids), "DEAL_57"], wait_timeout=30)

    assert ran.state == "failed"
    report = ran.xcoms["report"]
    assert (report["already"], report["unmoved"]) == (1100, 1)
    assert [each["target"] for each in report["results"]] == ["DEAL_57"]


@pytest.mark.parametrize(
    "event",
    [
        None,
        {},
        "arrived",
        {"status": "success"},
        {"status": "arrived"},
        {"status": "arrived", "arrived": {}, "waiting": {}, "missing": [], "message": "", "permanent": False},
        {
            "status": "arrived",
            "arrived": {"DEAL_1": "WON"},
            "waiting": {},
            "missing": [],
            "message": "",
            "permanent": False,
        },
        {"status": "timeout", "arrived": [], "waiting": {}, "missing": [], "message": "", "permanent": False},
        {"status": "timeout", "arrived": {}, "waiting": {}, "missing": [], "message": None, "permanent": False},
    ],
)
def test_a_missing_or_unknown_event_fails_the_task_with_a_retry(portal, move, time, event):
    _all_arrive(portal, time)

    ran = move(on_event=lambda _: event, retries=1, retry_delay=timedelta(0))

    assert ran.state == "up_for_retry"
    assert isinstance(ran.error, LostEventError)
    assert "Which entities have arrived is not known" in str(ran.error)
    assert "return_value" not in ran.xcoms


def test_a_lost_report_fails_the_task(portal, move, monkeypatch):
    monkeypatch.setattr("airflow_provider_bitrix24.operators._waiting.dump_report", lambda _: {"form": 2})

    ran = move()

    assert ran.state == "failed"
    assert "its report is not in XCom" in str(ran.error)


def test_the_event_names_a_connection_that_the_triggerer_lacks(portal, move, monkeypatch):
    from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook

    async def lacking(hook):
        monkeypatch.delenv("AIRFLOW_CONN_BITRIX24_DEFAULT")
        try:
            return await original(hook)
        finally:
            portal_variable()

    def portal_variable():
        monkeypatch.setenv("AIRFLOW_CONN_BITRIX24_DEFAULT", variable)

    import os

    variable = os.environ["AIRFLOW_CONN_BITRIX24_DEFAULT"]
    original = Bitrix24Hook.aget_conn
    monkeypatch.setattr(Bitrix24Hook, "aget_conn", lacking)

    ran = move()

    assert ran.state == "failed"
    assert isinstance(ran.error, TransportError), "Airflow says this, too, when it could not ask: a retry may help"
    assert "The triggerer finds no connection 'bitrix24_default'" in str(ran.error)


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_second_connection_reads_during_the_wait(portal, move, time, monkeypatch, deferrable):
    portal.portal.accounts.add_user(User(2, is_admin=True))
    portal.portal.accounts.add_webhook(2, "readersecret0002")
    monkeypatch.setenv("AIRFLOW_CONN_READER", connection_json(f"{portal.url}/rest/2/readersecret0002/"))
    portal.faults.script([Fault(kind=FaultKind.ERROR, status=403, code="ACCESS_DENIED", method="batch")])
    before = []

    def later(_):
        before.append(portal.requests.total)
        _arrive(portal, DEALS)

    time.on_sleep = later
    ran = move(deferrable=deferrable, verify_conn_id="{{ 'reader' }}")

    assert ran.state == "success"
    assert ran.report["moved"] == 3
    looks = portal.requests.last(portal.requests.total - before[0])
    assert [look.path.split("/")[2] for look in looks] == ["2"]


def test_the_secret_is_masked_before_a_resumed_task_logs_anything(portal, move, time, monkeypatch):
    masked = []
    monkeypatch.setattr("airflow_provider_bitrix24.hooks.bitrix24.mask_secrets", masked.extend)
    events = []

    def on_event(event):
        events.append(event)
        masked.clear()
        return event

    _all_arrive(portal, time)
    ran = move(on_event=on_event)

    assert ran.state == "success"
    assert MAIN_SECRET in masked


def test_without_a_wait_the_task_is_not_deferred(portal, move, time):
    _all_arrive(portal, time)

    assert move(wait_timeout=None).deferrals == []
    assert move(target="DEAL_60").deferrals == []
