"""The sentences that an operator leaves in its log and in the task's failure."""

from __future__ import annotations

import traceback
from datetime import timedelta

import pytest

from airflow_provider_bitrix24._tasks.checkpoint import TaskCheckpointStore, TaskKilledError
from airflow_provider_bitrix24.client.clock import SYSTEM_CLOCK
from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook
from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator
from airflow_provider_bitrix24.operators.entities import FindEntitiesOperator, UpdateEntitiesOperator
from airflow_provider_bitrix24.sensors.stage import StageSensor
from airflow_provider_bitrix24.simulator.portal.faults import Fault, FaultKind
from tests.support.execution_timeouts import timeout_while_the_portal_works

RETRIES = {"retries": 2, "retry_delay": timedelta(0)}
SLOW = Fault(kind=FaultKind.DELAY, when="after", seconds=10)


def test_a_failed_task_says_what_was_asked_where_entities_stand_and_why(portal, move):
    ran = move(target=["DEAL_57", "DEAL_58"], code="C5U4M", expected_stage="PREPARATION")

    assert str(ran.error) == (
        "2 of 2 deals are not at PREPARATION after trigger 'C5U4M': DEAL_57, DEAL_58 stand at NEW; "
        "no trigger moved them (wrong code, or its case; a trigger in another pipeline; unmet conditions)."
    )


def test_causes_that_the_reading_excludes_are_not_listed(portal, move):
    portal.portal.add_deal(id=900, stage="EXECUTING")
    portal.portal.add_deal(id=901, stage="LOSE")
    portal.portal.add_deal(id=902, stage="C5:NEW")

    ran = move(
        target=["DEAL_57", "DEAL_900", "DEAL_901", "DEAL_902"], code="exec", expected_stage=["PREPARATION", "EXECUTING"]
    )

    assert ran.state == "failed"
    assert "wrong code" not in str(ran.error)
    assert "DEAL_901 stands at LOSE, where its pipeline ends" in str(ran.error)
    assert (
        "DEAL_902 stands at C5:NEW; EXECUTING, PREPARATION are stages of DEAL pipeline 0, not of DEAL pipeline 5, and "
        "no trigger moved it (a trigger in another pipeline; unmet conditions; a webhook whose owner is not an "
        "administrator)."
    ) in str(ran.error)


@pytest.mark.parametrize("durable", [True, False])
def test_a_stage_of_another_pipeline_fires_once_and_no_retry_follows(portal, move, durable):
    ran = move(target="DEAL_57", expected_stage="C5:PREPARATION", durable=durable, **RETRIES)

    assert ran.state == "failed"
    assert portal.portal.fires == {"DEAL_57": 1}
    assert str(ran.error) == (
        "1 of 1 deal is not at C5:PREPARATION after trigger 'c5u4m': DEAL_57 went from NEW to PREPARATION; "
        "C5:PREPARATION is a stage of DEAL pipeline 5, not of DEAL pipeline 0. No retry follows: it would find the "
        "same pipelines. Correct expected_stage; if a robot changes the pipeline, wait for it with wait_timeout."
    )


def test_a_robot_that_changes_the_pipeline_brings_a_deal_to_a_stage_of_another_one(portal, move, time):
    def change_pipeline(_):
        fields = {"categoryId": 5, "stageId": "C5:NEW"}
        with Bitrix24Hook() as hook:
            hook.call("crm.item.update", {"entityTypeId": 2, "id": 57, "fields": fields})

    time.on_sleep = change_pipeline

    ran = move(target="DEAL_57", expected_stage="C5:NEW", wait_timeout=600, **RETRIES)

    assert ran.state == "success"
    assert ran.xcoms["return_value"]["moved"] == 1


def test_an_entity_past_the_stage_is_called_past(portal, move):
    portal.portal.move("DEAL_57", "EXECUTING")

    ran = move(target="DEAL_57", expected_stage="PREPARATION")

    assert "DEAL_57 stands at EXECUTING, past that stage" in str(ran.error)
    assert "unmoved at EXECUTING, past the expected stage: DEAL_57" in ran.said("warning")


def test_a_clear_says_how_many_are_there_already_and_what_it_fires(portal, move, caplog):
    for number in range(1000, 1020):
        portal.portal.add_deal(id=number, stage="NEW" if number < 1002 else "PREPARATION")
    caplog.set_level("INFO")

    move(target=[f"DEAL_{number}" for number in range(1000, 1020)], expected_stage="PREPARATION")

    assert "18 of 20 already at PREPARATION; firing 2." in caplog.text


def test_a_permanent_error_shows_one_short_traceback(portal, move, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_BITRIX24_DEFAULT", '{"conn_type": "bitrix24", "host": "https://example.com"}')

    ran = move(target="DEAL_57", **RETRIES)

    shown = "".join(traceback.format_exception(ran.error))
    assert shown.count("Traceback") == 1
    assert shown.count("airflow_provider_bitrix24") <= 2
    assert "user id is missing" in shown


MISSING = {"bitrix24_conn_id": "nope", **RETRIES}


@pytest.mark.parametrize(
    "make",
    [
        lambda: TriggerAutomationOperator(task_id="move", target="DEAL_57", **MISSING),
        lambda: StageSensor(task_id="wait", target="DEAL_57", expected_stage="WON", **MISSING),
        lambda: FindEntitiesOperator(task_id="find", entity_type="DEAL", filter={"stageId": "NEW"}, **MISSING),
        lambda: UpdateEntitiesOperator(
            task_id="write", updates=[{"target": "DEAL_57", "fields": {"title": "x"}}], **MISSING
        ),
    ],
    ids=["fire", "wait", "find", "update"],
)
def test_a_connection_that_is_not_found_is_retried_since_a_secrets_backend_may_be_down(run_task, make):
    ran = run_task(make)

    assert ran.state == "up_for_retry"
    assert "`nope`" in str(ran.error)
    assert "".join(traceback.format_exception(ran.error)).count("Traceback") == 1
    assert str(ran.error).endswith("Add the connection, or correct the id that the task names.")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"expected_stage": "Preparation"}, "Reading DEAL_57, then firing trigger 'c5u4m'."),
        ({"target": "CONTACT_1"}, "Firing trigger 'c5u4m' for CONTACT_1, without reading."),
        ({"verify": False}, "Firing trigger 'c5u4m' for DEAL_57, without reading."),
    ],
)
def test_the_first_line_says_what_comes_first(portal, move, arguments, line):
    ran = move(**{"target": "DEAL_57"} | arguments)

    assert [text for _, text in ran.log if "iring" in text] == [line]


def test_a_portal_that_cannot_be_reached_shows_one_short_traceback(portal, move):
    portal.faults.script(["refuse"] * 50)

    ran = move(target="DEAL_57", **RETRIES)

    shown = "".join(traceback.format_exception(ran.error))
    assert ran.state == "up_for_retry"
    assert (shown.count("Traceback"), shown.count("airflow_provider_bitrix24/")) == (1, 2)


def test_a_wait_in_the_worker_ends_when_airflow_ends_the_task(portal, run_task, time):
    portal.portal.add_veto("PREPARATION")
    running = []

    class Watched(TriggerAutomationOperator):
        def _fire(self, *arguments):
            running.append(self)
            return super()._fire(*arguments)

    def later(_):
        portal.portal.move("DEAL_57", "PREPARATION")
        if len(time.slept) == 2:
            running[-1].on_kill()

    time.on_sleep = later
    arguments = {"target": ["DEAL_57", "DEAL_58"], "code": "c5u4m", "expected_stage": "PREPARATION"}
    ran = run_task(lambda: Watched(task_id="move", wait_timeout=6000, **arguments, **RETRIES))

    assert ran.state == "up_for_retry"
    assert len(time.slept) == 2
    assert "2 of 2 targets were fired; 1 moved, 1 open, 0 not fired." in ran.said("warning")
    assert (ran.xcoms["report"]["moved"], ran.xcoms["report"]["unmoved"]) == (1, 1)


def test_a_wait_does_not_sleep_on_when_airflow_ends_the_task():
    store = TaskCheckpointStore(None)
    store.stop_firing()

    with pytest.raises(TaskKilledError):
        store.pause(3600, SYSTEM_CLOCK)


@pytest.mark.parametrize("faults", [[SLOW], [None, SLOW]], ids=["before the first fire", "during it"])
def test_an_interruption_leaves_a_report_and_a_line(portal, move, faults):
    portal.faults.script(faults)

    with timeout_while_the_portal_works(portal):
        ran = move(target=["DEAL_57", "DEAL_58"], execution_timeout=timedelta(hours=1), durable=False, **RETRIES)

    sent = 0 if len(faults) == 1 else 2
    assert len(ran.xcoms["report"]["results"]) == 2
    assert f"Interrupted (AirflowTaskTimeout): {sent} of 2 targets were fired; 0 moved, {sent} open, " in ran.said(
        "warning"
    )
    assert ran.xcoms["report"]["results"][0]["error"]["executed"] == ("unknown" if sent else "no")
