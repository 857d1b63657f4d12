"""What the next try knows if Airflow keeps the checkpoint: after a wait, a kill, a deferral."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import airflow
import pytest
from packaging.version import Version

from airflow_provider_bitrix24._tasks.checkpoint import MAX_IDLE_DEFERRALS
from airflow_provider_bitrix24.client.transports.sync import SyncDriver
from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator

pytestmark = pytest.mark.skipif(
    Version(airflow.__version__) < Version("3.3"), reason="Airflow keeps a task's state since 3.3"
)
RETRIES = {"retries": 20, "retry_delay": timedelta(0)}
LIST = [f"DEAL_{number}" for number in range(1001, 1061)]


@pytest.fixture
def move(run_task):
    """Run a TriggerAutomationOperator with these arguments."""

    def run(**arguments):
        return run_task(lambda: TriggerAutomationOperator(**{"task_id": "m", "code": "c5u4m"} | RETRIES | arguments))

    return run


@pytest.fixture
def long_list(portal):
    for target in LIST:
        portal.portal.add_deal(id=int(target.removeprefix("DEAL_")))
    return LIST


@pytest.fixture
def outside(monkeypatch, time):
    """Let waits outside the worker pass at once."""
    from airflow.providers.standard.triggers import temporal
    from airflow.triggers.base import TriggerEvent

    async def run(self):
        time.now += 600
        yield TriggerEvent("over")

    monkeypatch.setattr(temporal.DateTimeTrigger, "run", run)


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_retry_does_not_fire_entities_that_arrived_during_the_wait(portal, move, time, deferrable):
    portal.portal.add_trigger("PREPARATION", code="back", allow_backwards=True)
    portal.portal.add_veto("PREPARATION")
    arguments = {
        "target": ["DEAL_57", "DEAL_58"],
        "code": "back",
        "expected_stage": "PREPARATION",
        "wait_timeout": 120,
        "deferrable": deferrable,
    }
    time.on_sleep = lambda _: (
        portal.portal.stage_of("DEAL_57") == "NEW" and portal.portal.move("DEAL_57", "PREPARATION")
    )
    first = move(**arguments)
    assert first.state == "up_for_retry"
    assert [each["outcome"] for each in first.report["results"]] == ["moved", "unmoved"]

    time.on_sleep = lambda _: None
    portal.portal.vetoes.clear()
    portal.portal.move("DEAL_57", "EXECUTING")  # somebody works on it
    second = move(**arguments)

    assert second.state == "success"
    assert second.report["results"][0] == {
        "target": "DEAL_57",
        "outcome": "moved",
        "stage_before": "NEW",
        "stage_after": "PREPARATION",
    }
    assert portal.fires == {"DEAL_57": 1, "DEAL_58": 2}
    assert portal.portal.stage_of("DEAL_57") == "EXECUTING"
    assert second.xcoms["report"]["moved"] == 2, "not what was known before the wait"


def test_a_retry_after_an_interrupted_wait_continues_to_wait_without_firing(portal, move, time):
    from airflow.sdk.exceptions import AirflowTaskTimeout

    def cut(_):
        raise AirflowTaskTimeout("time is up")

    portal.portal.add_veto("PREPARATION")
    time.on_sleep = cut
    arguments = {"target": "DEAL_57", "expected_stage": "PREPARATION", "wait_timeout": 6000}
    assert move(**arguments).state == "up_for_retry"
    assert move(**arguments).state == "up_for_retry"

    time.on_sleep = lambda _: portal.portal.move("DEAL_57", "PREPARATION")
    assert move(**arguments).state == "success"
    assert portal.fires == {"DEAL_57": 1}


@pytest.mark.parametrize("verify", [True, False])
def test_an_answer_that_came_before_a_kill_is_saved(portal, run_task, monkeypatch, long_list, verify):
    portal.portal.add_veto("PREPARATION")  # accepted, and not moved yet
    operators, killed, exchange = [], [], SyncDriver._exchange

    class Watched(TriggerAutomationOperator):
        def _fire(self, *arguments):
            operators.append(self)
            return super()._fire(*arguments)

    def kill_after(driver, requests):
        answers = exchange(driver, requests)
        if portal.fires and not killed:
            killed.append(operators[-1])
            operators[-1].on_kill()
        return answers

    monkeypatch.setattr(SyncDriver, "_exchange", kill_after)

    def make():
        return Watched(task_id="m", target=long_list, code="c5u4m", verify=verify, **RETRIES)

    assert run_task(make).state == "up_for_retry"
    fired = dict(portal.fires)
    assert 0 < len(fired) < len(long_list)
    ran = run_task(make)

    assert ran.state == "success"
    assert portal.fires == dict.fromkeys(long_list, 1)
    assert ran.report["unmoved" if verify else "unverified"] == len(long_list)


def test_a_deferred_wait_for_the_operating_limit_begins_with_all_answers_saved(portal, move, outside, long_list):
    portal.portal.add_veto("PREPARATION")
    blocked = portal.portal.operating.blocked
    moments = []

    def blocks_reading_back(credential, method, *rest):
        over = method == "batch" and sum(portal.fires.values()) >= 32 and len(moments) < 5
        if over:
            moments.append(method)
        return over or blocked(credential, method, *rest)

    portal.portal.operating.blocked = blocks_reading_back
    ran = move(target=[*long_list[:30], "CONTACT_1", "CONTACT_2"], deferrable=True)

    assert ran.deferrals
    assert ran.state == "success"
    assert Counter(portal.fires.values()) == {1: 32}
    assert (ran.report["unmoved"], ran.report["unverified"]) == (30, 2)


def test_deferrals_without_progress_end(portal, move, outside):
    blocked = portal.portal.operating.blocked
    portal.portal.operating.blocked = lambda credential, method, *rest: (
        method == "crm.automation.trigger" or blocked(credential, method, *rest)
    )

    ran = move(target=["DEAL_57", "DEAL_58"], deferrable=True)

    assert len(ran.deferrals) == MAX_IDLE_DEFERRALS
    assert ran.state == "up_for_retry"
    assert "OPERATION_TIME_LIMIT" in str(ran.error)
    assert portal.fires == {}


def test_a_retry_reports_what_an_earlier_try_moved_even_if_the_portal_has_closed(portal, move, long_list):
    portal.faults.script([None, None, *["refuse"] * 50])
    first = move(target=long_list)
    assert first.state == "up_for_retry"
    moved = first.report["moved"]
    assert 0 < moved < len(long_list)

    portal.faults.clear()
    portal.portal.settings.is_closed = True
    second = move(target=long_list)

    assert second.state == "failed"
    assert "PORTAL_DELETED" in str(second.error)
    assert (second.report["moved"], second.report["failed"]) == (moved, len(long_list) - moved)


def test_a_retry_does_not_call_a_decorated_function_again_after_a_fire(portal, run_task, long_list):
    from airflow.sdk import task

    lists = [long_list, [*long_list, "DEAL_57"]]

    @task.bitrix24_trigger(code="c5u4m", task_id="m", **RETRIES)
    def new_deals():
        return lists.pop(0)

    portal.faults.script([None, None, *["refuse"] * 50])
    assert run_task(lambda: new_deals().operator).state == "up_for_retry"
    portal.faults.clear()
    ran = run_task(lambda: new_deals().operator)

    assert ran.state == "success"
    assert len(lists) == 1, "it was called once"
    assert portal.fires == dict.fromkeys(long_list, 1)
    assert "Continuing with the 60 targets" in ran.said("info")
