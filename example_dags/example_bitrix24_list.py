"""Move all deals that an upstream task found.

One task for the whole list is the fast way: the deals are fired in batches, as quickly as the portal allows.
A list may be empty, which is fine, and may mix types and pipelines.
"""

from __future__ import annotations

from typing import Any

import pendulum

from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator

try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task


@dag(
    dag_id="bitrix24_example_list",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    doc_md=__doc__,
    tags=["bitrix24", "example"],
)
def list_of_entities() -> None:
    """Find, move, count."""

    # [START howto_operator_bitrix24_list]
    @task
    def find_deals() -> list[str]:
        """Stand in for a query, such as of the warehouse."""
        return [f"DEAL_{number}" for number in (58, 59, 63)]

    to_preparation = TriggerAutomationOperator(
        task_id="to_preparation",
        target=find_deals(),
        code="c5u4m",
    )

    @task
    def count(report: dict[str, Any]) -> int:
        """Read the report, which the operator returns."""
        return report["moved"]

    count(to_preparation.output)
    # [END howto_operator_bitrix24_list]


list_of_entities()
