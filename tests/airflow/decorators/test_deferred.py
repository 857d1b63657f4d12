"""A decorated task that gives its worker slot back: its function is called once."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from airflow_provider_bitrix24.compat import TaskDeferred
from airflow_provider_bitrix24.decorators.automation import TARGETS_KEY, bitrix24_trigger_task
from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator

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


def test_a_deferred_task_resumes_with_the_targets_that_the_function_returned(portal, monkeypatch):
    calls = []

    def find():
        calls.append(1)
        return [f"DEAL_{56 + len(calls)}"]

    with DAG("of_a_test", schedule=None):
        operator = bitrix24_trigger_task(code="c5u4m")(find)().operator
    instance = Instance()

    def defer(*_):
        raise TaskDeferred(trigger=SimpleNamespace(), method_name="resume_firing")

    with monkeypatch.context() as first_worker:
        first_worker.setattr(TriggerAutomationOperator, "_fire", defer)
        with pytest.raises(TaskDeferred):
            operator.execute({"ti": instance})
    assert instance.kept == {TARGETS_KEY: ["DEAL_57"]}

    report = operator.resume_firing({"ti": instance})

    assert report["moved"] == 1
    assert portal.fires == {"DEAL_57": 1}
    assert calls == [1]
