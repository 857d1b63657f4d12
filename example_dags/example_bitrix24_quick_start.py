# [START howto_quick_start_bitrix24]
"""Move the deals that a query has found, all of them in one task."""

from __future__ import annotations

import pendulum

from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator

try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task


@dag(
    dag_id="bitrix24_example_quick_start",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    doc_md=__doc__,
    tags=["bitrix24", "example"],
)
def quick_start() -> None:
    """Find, then move."""

    @task
    def find_deals() -> list[str]:
        """Stand in for a query, such as of the warehouse."""
        return [f"DEAL_{number}" for number in (57, 58, 59)]

    TriggerAutomationOperator(
        task_id="to_preparation",
        target=find_deals(),
        code="c5u4m",
        expected_stage="PREPARATION",
    )


quick_start()
# [END howto_quick_start_bitrix24]
