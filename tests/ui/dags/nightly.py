"""A night of which one task succeeds, one has two wrong ids in its list, and one waits for a robot that never comes."""

from __future__ import annotations

import pendulum
from airflow.sdk import dag, task

from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator


@dag(dag_id="nightly", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), catchup=False)
def nightly() -> None:
    """Three lists of deals, each for a task of its own."""

    @task
    def signed() -> list[int]:
        """Deals 1000 to 1049, of which two have moved already."""
        return list(range(1_000, 1_050))

    @task
    def paid() -> list[int]:
        """2,000 deals, of which 99 have moved already and two have been deleted."""
        return [*range(2_001, 3_999), 99_998, 99_999]

    @task
    def delivered() -> list[int]:
        """Three deals, of which one stands at the last stage already."""
        return [4_000, 4_001, 4_002]

    common = {"entity_type": "DEAL", "bitrix24_conn_id": "bitrix24_nightly"}
    TriggerAutomationOperator(
        task_id="to_preparation", target=signed(), code="c5u4m", expected_stage="PREPARATION", **common
    )
    TriggerAutomationOperator(task_id="to_production", target=paid(), code="exec", expected_stage="EXECUTING", **common)
    TriggerAutomationOperator(
        task_id="to_invoice",
        target=delivered(),
        code="exec",
        expected_stage="FINAL_INVOICE",
        wait_timeout=10,  # seconds
        poke_interval=5,
        **common,
    )


nightly()
