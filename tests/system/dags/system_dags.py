"""DAGs of the system tests that are no good examples."""

from __future__ import annotations

import pendulum

from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator

try:
    from airflow.sdk import dag
except ImportError:  # Airflow 2
    from airflow.decorators import dag

ARGUMENTS = {"schedule": None, "start_date": pendulum.datetime(2026, 1, 1, tz="UTC"), "catchup": False}


@dag(dag_id="system_one_deal", **ARGUMENTS)
def one_deal() -> None:
    TriggerAutomationOperator(task_id="move", target="DEAL_901", code="c5u4m")


@dag(dag_id="system_missing", **ARGUMENTS)
def missing() -> None:
    TriggerAutomationOperator(task_id="move", target="DEAL_999999", code="c5u4m", retries=2)


one_deal()
missing()
