"""Retries after a robot has moved an entity on, and after an interruption: what a task has moved is not moved again."""

from __future__ import annotations

import os
import signal
from datetime import timedelta

import airflow
import pytest
from packaging.version import Version

DEAL = "DEAL_57"
HAS_TASK_STATE = Version(airflow.__version__) >= Version("3.3")
RETRIES = {"retries": 2, "retry_delay": timedelta(0)}


@pytest.fixture
def moving_on(portal):
    """Let a robot move on at once what comes to EXECUTING, from where the trigger may move it again."""
    portal.portal.add_trigger("EXECUTING", code="again", allow_backwards=True)
    portal.portal.add_robot("EXECUTING", move_to="FINAL_INVOICE")
    return portal


@pytest.mark.parametrize("durable", [True, False])
def test_an_entity_that_a_robot_moved_on_is_fired_once_whatever_the_retries(moving_on, move, durable):
    tries = []
    while not tries or (tries[-1].state == "up_for_retry" and len(tries) < 3):
        tries.append(move(target=DEAL, code="again", expected_stage="EXECUTING", durable=durable, **RETRIES))

    assert moving_on.fires == {DEAL: 1}
    assert moving_on.portal.stage_of(DEAL) == "FINAL_INVOICE"
    assert {each.report["results"][0]["outcome"] for each in tries} == {"elsewhere"}


def test_without_a_store_an_entity_that_moved_elsewhere_ends_the_task_and_says_why(moving_on, move):
    ran = move(target=DEAL, code="again", expected_stage="EXECUTING", durable=False, **RETRIES)

    assert ran.state == "failed"
    assert f"{DEAL} went from NEW to FINAL_INVOICE" in str(ran.error)
    assert "No retry follows" in str(ran.error)


@pytest.mark.skipif(not HAS_TASK_STATE, reason="no store survives a retry")
@pytest.mark.parametrize(
    ("changed", "state"),
    [
        ({"expected_stage": "PREPARATION"}, "success"),
        ({"expected_stage": ["PREPARATION", "WON"]}, "success"),
        ({"expected_stage": "EXECUTING"}, "up_for_retry"),
        ({"expected_stage": "NEW", "fail_on": "PREPARATION"}, "failed"),
    ],
)
def test_a_try_after_a_success_returns_its_report_unless_other_stages_are_expected_by_now(portal, move, changed, state):
    """As where the task failed after its firing, and the DAG file was corrected before the retry."""
    move(target=DEAL, expected_stage="PREPARATION", **RETRIES)

    ran = move(target=DEAL, **changed, **RETRIES)

    assert ran.state == state
    assert ("Returning the report" in ran.said("info")) == (changed == {"expected_stage": "PREPARATION"})
    assert portal.fires == {DEAL: 1}


def test_a_stage_that_does_not_exist_is_refused_before_the_first_fire(moving_on, move):
    ran = move(target=DEAL, code="again", expected_stage="EXECUTE", **RETRIES)

    assert ran.state == "failed"
    assert "EXECUTE" in str(ran.error)
    assert moving_on.fires == {}
    assert moving_on.requests.total == 1


@pytest.mark.parametrize("durable", [True, False])
def test_a_signal_before_anything_was_sent_is_retried(portal, move, time, durable):
    portal.faults.script(["refuse"])  # the reading has to wait
    time.on_sleep = lambda _: os.kill(os.getpid(), signal.SIGTERM)

    ran = move(target=DEAL, durable=durable, **RETRIES)

    assert ran.state == "up_for_retry"
    assert portal.fires == {}
