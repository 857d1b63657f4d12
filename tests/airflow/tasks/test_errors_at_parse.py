"""Errors while a DAG file is parsed: Airflow shows them without the task, so the sentence names it."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.decorators.automation import bitrix24_trigger_task
from airflow_provider_bitrix24.notifications.automation import TriggerAutomationNotifier
from airflow_provider_bitrix24.operators.automation import ExecuteTriggerOperator, TriggerAutomationOperator
from airflow_provider_bitrix24.operators.entities import FindEntitiesOperator, UpdateEntitiesOperator
from airflow_provider_bitrix24.sensors.stage import StageSensor

try:
    from airflow.sdk import DAG, TaskGroup
except ImportError:  # 2.11
    from airflow.models.dag import DAG  # noqa: TID251 - 2.11
    from airflow.utils.task_group import TaskGroup

URL = "https://example.bitrix24.com/rest/1/s3cr3ts3cr3t/crm.automation.trigger/?target=DEAL_57&code=c5u4m"


def offers():
    return ["DEAL_57"]


@pytest.mark.parametrize(
    ("make", "owner"),
    [
        (lambda: TriggerAutomationOperator(task_id="move", target=URL), "Task 'move'"),
        (lambda: TriggerAutomationOperator(task_id="move", target="DEAL_57", on_unmoved="error"), "Task 'move'"),
        (lambda: TriggerAutomationOperator(task_id="move", target="DEAL_57", verify="False"), "Task 'move'"),
        (lambda: ExecuteTriggerOperator(task_id="move", target="DEAL_57", code=URL), "Task 'move'"),
        (lambda: StageSensor(task_id="wait", target="DEAL_57", expected_stage="NEW", require="most"), "Task 'wait'"),
        (lambda: FindEntitiesOperator(task_id="find", entity_type="DEAL", filter={}, on_excess="cut"), "Task 'find'"),
        (lambda: UpdateEntitiesOperator(task_id="write", updates=[], on_failed="skip"), "Task 'write'"),
        (bitrix24_trigger_task(target="DEAL_57")(offers), "Task 'offers'"),
        (bitrix24_trigger_task(task_id="move", wait_timeout=60)(offers), "Task 'move'"),
        (lambda: TriggerAutomationNotifier(URL), "TriggerAutomationNotifier"),
        (lambda: TriggerAutomationNotifier("DEAL_57", expected_stage="NEW", verify=False), "TriggerAutomationNotifier"),
    ],
)
def test_an_error_while_the_dag_is_parsed_names_the_task(make, owner):
    with DAG("nightly", schedule=None), pytest.raises(ConfigurationError) as caught:
        make()
    assert str(caught.value).startswith(f"{owner}: ")
    assert caught.value.__suppress_context__


def test_an_error_while_the_dag_is_parsed_names_the_task_with_its_group():
    with DAG("nightly", schedule=None), TaskGroup("night"), pytest.raises(ConfigurationError) as caught:
        TriggerAutomationOperator(task_id="move", target=URL)
    assert str(caught.value).startswith("Task 'night.move': ")
