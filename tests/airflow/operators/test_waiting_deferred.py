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
from airflow_provider_bitrix24.simulator.testing import connection_json
from tests.support.arrivals import DEALS, all_arrive, arrive

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


def test_a_deferred_wait_needs_one_trigger_and_one_request_per_check(portal, move, time):
    ids = range(1000, 1200)
    for number in ids:
        portal.portal.add_deal(id=number)
    targets = [f"DEAL_{number}" for number in ids]
    times = []

    def later(_):
        times.append(portal.requests.total)
        arrive(portal, targets[: len(times) * 50])

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
    all_arrive(portal, time)

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
        arrive(portal, DEALS)

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

    all_arrive(portal, time)
    ran = move(on_event=on_event)

    assert ran.state == "success"
    assert MAIN_SECRET in masked


def test_without_a_wait_the_task_is_not_deferred(portal, move, time):
    all_arrive(portal, time)

    assert move(wait_timeout=None).deferrals == []
    assert move(target="DEAL_60").deferrals == []


@pytest.mark.parametrize("changed", [{"expected_stage": "EXECUTING"}, {"or_later": True}, {"fail_on": "LOSE"}])
def test_what_is_expected_by_the_end_of_the_wait_is_not_what_was_waited_for(portal, run_task, time, changed):
    """As where somebody corrects the DAG file meanwhile: the wait has checked for other stages."""
    portal.portal.add_veto("PREPARATION")
    all_arrive(portal, time)
    asked = {"task_id": "move", "target": DEALS, "code": "c5u4m", "expected_stage": "PREPARATION"}
    asked |= {"wait_timeout": 600, "deferrable": True, "retries": 1}

    def correct(event):
        asked.update(changed)
        return event

    ran = run_task(lambda: TriggerAutomationOperator(**asked), correct)

    assert ran.state == "up_for_retry"
    assert isinstance(ran.error, LostEventError)
    assert "has changed while it waited" in str(ran.error)
    assert ran.xcoms["report"]["unmoved"] == len(DEALS)
