"""A decorated task that gives its worker slot back: its function is called once."""

from __future__ import annotations

import traceback
from types import SimpleNamespace

import pytest

from airflow_provider_bitrix24._tasks.checkpoint import DeferWait
from airflow_provider_bitrix24.compat import AirflowFailException, TaskDeferred
from airflow_provider_bitrix24.decorators.automation import TARGETS_KEY, bitrix24_trigger_task
from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook
from airflow_provider_bitrix24.operators import _waiting

try:
    from airflow.sdk import DAG
except ImportError:
    from airflow.models.dag import DAG  # noqa: TID251 - 2.11


DEALS = ["DEAL_57", "DEAL_58"]


class Instance:
    """A task instance that keeps what is pushed."""

    def __init__(self):
        self.task_id, self.map_index, self.kept = "find", -1, {}
        self.try_number, self.max_tries = 1, 0

    def xcom_push(self, key, value):
        self.kept[key] = value

    def xcom_pull(self, *, key, task_ids, map_indexes):
        assert (task_ids, map_indexes) == (self.task_id, self.map_index)
        return self.kept.get(key)


def made(function):
    """The operator of a decorated function, and nothing is known of its run."""
    with DAG("of_a_test", schedule=None):
        return bitrix24_trigger_task(code="c5u4m")(function)().operator


@pytest.fixture
def waits():
    """The firing waits for working time, outside the worker."""

    def wait(*_args, **_options):
        raise DeferWait(400)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Bitrix24Hook, "trigger_automation", wait)
        # Only Airflows that keep a checkpoint have its trigger for certain.
        patch.setattr(_waiting, "trigger_after", lambda _: SimpleNamespace())
        yield patch


def test_a_deferred_wait_calls_the_function_once(portal, run, time):
    calls = []
    portal.portal.add_veto("PREPARATION")
    time.on_sleep = lambda _: [portal.portal.move(target, "PREPARATION") for target in DEALS]

    def find():
        calls.append(1)
        return DEALS

    ran = run(find, expected_stage="PREPARATION", wait_timeout=600, deferrable=True)

    assert ran.state == "success", repr(ran.error)
    assert len(ran.deferrals) == 1
    assert ran.report["moved"] == 2
    assert portal.fires == {"DEAL_57": 1, "DEAL_58": 1}
    assert calls == [1]


def test_a_deferred_task_resumes_with_the_targets_that_the_function_returned(portal, waits):
    calls = []

    def find():
        calls.append(1)
        return [f"DEAL_{56 + len(calls)}"]

    operator, instance = made(find), Instance()

    with pytest.raises(TaskDeferred) as left:
        operator.execute({"ti": instance})
    assert left.value.method_name == "resume_firing"
    assert instance.kept[TARGETS_KEY] == ["DEAL_57"]
    assert "report" not in instance.kept

    waits.undo()
    report = operator.resume_firing({"ti": instance})

    assert report["moved"] == 1
    assert portal.fires == {"DEAL_57": 1}
    assert calls == [1]


def test_a_task_that_is_interrupted_while_it_leaves_its_worker_keeps_its_report(portal, waits):
    class Interrupted(BaseException):
        """As a time-out of the task, or a signal."""

    class Interrupting(Instance):
        def xcom_push(self, key, value):
            if key == TARGETS_KEY:
                raise Interrupted
            super().xcom_push(key, value)

    def find():
        return DEALS

    operator, instance = made(find), Interrupting()

    with pytest.raises(Interrupted):
        operator.execute({"ti": instance})

    assert [result["target"] for result in instance.kept["report"]["results"]] == DEALS


def test_a_resumed_task_that_fails_shows_one_short_traceback(portal, waits, monkeypatch):
    def find():
        return DEALS

    operator, instance = made(find), Instance()
    with pytest.raises(TaskDeferred):
        operator.execute({"ti": instance})
    waits.undo()
    monkeypatch.setenv("AIRFLOW_CONN_BITRIX24_DEFAULT", '{"conn_type": "bitrix24", "host": "https://example.com"}')

    with pytest.raises(AirflowFailException) as caught:
        operator.resume_firing({"ti": instance})

    shown = "".join(traceback.format_exception(caught.value))
    assert (shown.count("Traceback"), shown.count("airflow_provider_bitrix24/")) == (1, 2)
