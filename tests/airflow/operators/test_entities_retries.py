"""Updates that are interrupted, and what a later try does."""

from __future__ import annotations

from datetime import timedelta

import airflow
import pytest
from packaging.version import Version

from airflow_provider_bitrix24.simulator.portal.faults import Fault, FaultKind
from tests.support.execution_timeouts import timeout_while_the_portal_works

SLOW = Fault(kind=FaultKind.DELAY, when="after", seconds=30)
HAS_TASK_STATE = Version(airflow.__version__) >= Version("3.3")
RETRIES = {"retries": 2, "retry_delay": timedelta(0)}


AMOUNTS = [{"id": 57, "opportunity": 1200}, {"id": 58, "opportunity": 1300}]


@pytest.mark.parametrize(
    ("fields", "state"), [({"stageId": "PREPARATION"}, "failed"), ({"comments": "Invoice 4711"}, "up_for_retry")]
)
def test_without_a_checkpoint_no_retry_follows_an_interrupted_move(portal, update, fields, state):
    # The fields and the values before are read; a stage needs another reading, just before it is written.
    portal.faults.script([None, None, *([None] if "stageId" in fields else []), SLOW])

    with timeout_while_the_portal_works(portal):
        ran = update(updates=[{"id": 57, **fields}], execution_timeout=timedelta(hours=1), durable=False, **RETRIES)

    assert ran.state == state
    assert ran.xcoms["report"]["results"][0]["error"]["executed"] == "unknown"
    assert "Interrupted (AirflowTaskTimeout)" in ran.said("warning")
    assert ("could move entities twice" in str(ran.error)) == (state == "failed")


def test_an_interruption_before_the_first_update_is_retried(portal, update):
    portal.faults.script([None, SLOW])

    with timeout_while_the_portal_works(portal):
        ran = update(
            updates=[{"id": 57, "stageId": "PREPARATION"}],
            execution_timeout=timedelta(hours=1),
            durable=False,
            **RETRIES,
        )

    assert ran.state == "up_for_retry"
    assert "report" not in ran.xcoms


def test_retries_without_a_checkpoint_are_warned_of_where_entities_move(portal, update):
    moving = update(updates=[{"id": 57, "stageId": "PREPARATION"}], durable=False, **RETRIES)
    plain = update(updates=AMOUNTS, durable=False, **RETRIES)

    assert "may move entities twice" in moving.said("warning")
    assert "may move entities twice" not in plain.said("warning")


@pytest.fixture
def tries(update):
    """Run the same task several times, as its tries; before 3.3, Airflow keeps nothing between them."""
    if not HAS_TASK_STATE:
        pytest.skip("Airflow stores task states from 3.3 on")
    return update


def test_a_try_after_a_success_returns_its_report_and_sends_nothing(portal, tries):
    tries(updates=AMOUNTS)
    requests = portal.requests.total

    ran = tries(updates=AMOUNTS)

    assert ran.xcoms["return_value"] == ["DEAL_57", "DEAL_58"]
    assert ran.xcoms["report"]["updated"] == 2
    assert "Returning the report of try" in ran.said("info")
    assert portal.requests.total == requests


def test_a_try_after_a_success_writes_values_that_have_changed_since(portal, tries):
    """As where the task failed after its work was done, and was cleared together with what gives it the values."""
    tries(updates=AMOUNTS)

    ran = tries(updates=[{"id": 57, "opportunity": 1250}, AMOUNTS[1]])

    assert [portal.portal.find(f"DEAL_{number}").opportunity for number in (57, 58)] == [1250, 1300]
    assert ran.xcoms["return_value"] == ["DEAL_57", "DEAL_58"]


def test_a_try_after_a_success_does_not_call_a_stage_written_that_an_earlier_one_has_not(portal, tries):
    tries(updates=[{"id": 57, "stageId": "PREPARATION"}], **RETRIES)

    ran = tries(updates=[{"id": 57, "stageId": "EXECUTING"}], **RETRIES)

    assert ran.state == "failed"
    assert "An earlier try has sent it to another stage" in str(ran.error)
    assert portal.portal.stage_of("DEAL_57") == "PREPARATION"


def test_a_try_after_a_failure_leaves_alone_what_is_done(portal, tries):
    updates = [{"id": 57, "stageId": "PREPARATION"}, {"id": 59, "stageId": "PREPARATION"}]
    portal.faults.script([None, None, None, {"kind": "command_error", "code": "ACCESS_DENIED", "keys": ["c1"]}])
    tries(updates=updates)
    portal.portal.find("DEAL_57").stage_id = "EXECUTING"  # a robot or a colleague has moved it on

    ran = tries(updates=updates)

    assert portal.portal.stage_of("DEAL_57") == "EXECUTING"
    assert portal.portal.stage_of("DEAL_59") == "PREPARATION"
    assert ran.xcoms["report"]["failed"] == 0
