"""A firing that has finished: whether a Clear finds evidence that Airflow has recorded its success."""

from __future__ import annotations

import airflow
import pytest
from packaging.version import Version

from airflow_provider_bitrix24._tasks.checkpoint import TaskCheckpointStore
from airflow_provider_bitrix24._tasks.finished import RECORDED_KEY, Finished, finished_firing
from airflow_provider_bitrix24.client.report import TargetResult, TriggerReport

pytestmark = pytest.mark.skipif(Version(airflow.__version__) < Version("3.3"), reason="there is no task state store")

REPORT = TriggerReport(
    code="c5u4m",
    portal="https://portal.example",
    results=[TargetResult(target="DEAL_57", outcome="moved", stage_before="NEW", stage_after="WON")],
)
FINISHED = Finished(report=REPORT, url=None, try_number=1, max_tries=2)


class Values(dict):
    """A task state store; it may belong to a task instance that was cleared while it ran."""

    archived = False

    def set(self, key, value):
        if self.archived:
            from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
            from airflow.sdk.execution_time.comms import ErrorResponse

            raise AirflowRuntimeError(ErrorResponse(error=ErrorType.GENERIC_ERROR))
        self[key] = value

    def delete(self, key):
        self.pop(key, None)


class TaskInstance:
    """A task instance of which the database shows a state."""

    dag_id, task_id, run_id, map_index = "dag", "task", "run", -1

    def __init__(self, state="running", max_tries=2, try_number=2):
        self.state, self.max_tries, self.try_number = state, max_tries, try_number

    def get_task_states(self, *, dag_id, map_index, task_ids, run_ids):
        assert (dag_id, map_index) == ("dag", -1)
        return {} if self.state is None else {run_ids[0]: {task_ids[0]: self.state}}


@pytest.fixture
def values():
    return Values()


@pytest.fixture
def store(values):
    store = TaskCheckpointStore(values)
    store.save_done(FINISHED.as_record())
    return store


def end(store, state):
    """Let the task end, so that the database shows a state."""
    store.conclude(TaskInstance(state), FINISHED)
    store.keep_evidence()


def cleared(store, max_tries, try_number=2):
    return finished_firing(store, {"ti": TaskInstance(max_tries=max_tries, try_number=try_number)})


def test_a_clear_of_a_recorded_success_forgets_all(store, values):
    end(store, "success")

    assert cleared(store, 4) is None
    assert values == {}


def test_a_clear_of_a_recorded_success_fires_anew_where_the_dag_file_has_fewer_retries_by_now(store, values):
    """A Clear sets ``max_tries`` to the number of the last try and ``retries``: that may be what it was before."""
    end(store, "success")

    assert cleared(store, FINISHED.max_tries) is None
    assert values == {}


@pytest.mark.parametrize("state", ["running", "restarting", "failed", "up_for_retry", None])
def test_a_success_that_the_database_does_not_show_leaves_no_evidence(store, values, state):
    end(store, state)
    assert RECORDED_KEY not in values

    offered = cleared(store, 4)
    assert (offered.report, offered.offered) == (REPORT, True)
    store.conclude(TaskInstance("success"), offered, save=False)
    assert cleared(store, 6).offered, "its try was cut off before Airflow had recorded its success"
    store.keep_evidence()
    assert cleared(store, 6) is None


def test_a_clear_of_a_try_that_failed_after_it_had_returned_the_report_fires_nothing(store):
    """As where ``post_execute`` raises again: whoever clears that one wants it to succeed."""
    end(store, "failed")

    for state in ("running", "failed", "up_for_retry"):
        store.conclude(TaskInstance(state), cleared(store, 4), save=False)
        store.keep_evidence()

    assert cleared(store, 6).report == REPORT


def test_a_task_instance_that_was_cleared_while_it_ran_leaves_no_evidence(store, values):
    store.conclude(TaskInstance("success"), FINISHED, save=False)
    values.archived = True
    store.keep_evidence()
    assert RECORDED_KEY not in values


def test_the_evidence_of_an_older_firing_proves_nothing_of_a_newer_one(store, values):
    """As where ``clear_on_success`` has removed what the older one kept, but not what was written after it."""
    end(store, "success")
    newer = Finished(report=REPORT, url=None, try_number=2, max_tries=4)
    store.save_done(newer.as_record())

    assert cleared(store, 6).offered


def test_a_report_that_was_not_returned_since_the_list_has_changed_offers_nothing(store):
    assert cleared(store, 4).offered

    assert cleared(store, 6).report == REPORT, "a second Clear"


def test_a_try_that_is_repeated_by_hand_returns_the_report_whatever_the_evidence(store):
    """As ``airflow tasks test`` does with a run that has ended."""
    end(store, "success")

    assert cleared(store, FINISHED.max_tries, FINISHED.try_number) == FINISHED


def test_a_retry_returns_the_report(store):
    end(store, "up_for_retry")

    assert cleared(store, FINISHED.max_tries) == FINISHED
