"""Write amounts into deals, then fire the trigger for the deals that hold them.

A deal whose update failed is not fired.
"""

from __future__ import annotations

from typing import Any

import pendulum

from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator
from airflow_provider_bitrix24.operators.entities import UpdateEntitiesOperator

try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task


@dag(
    dag_id="bitrix24_example_recipe_amounts",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    doc_md=__doc__,
    tags=["bitrix24", "example"],
)
def amounts_then_trigger() -> None:
    """Query, write, move."""

    # [START howto_recipe_bitrix24_amounts]
    @task
    def invoiced() -> list[dict[str, Any]]:
        """Stand in for a query: each row names a deal and the fields to write."""
        return [
            {"id": 58, "opportunity": 9_100, "comments": "Invoice 4711"},
            {"id": 59, "opportunity": 30_000},
        ]

    written = UpdateEntitiesOperator(
        task_id="written",
        updates=invoiced(),
        entity_type="DEAL",
        on_failed="warn",  # move the others all the same
    )

    TriggerAutomationOperator(
        task_id="to_preparation",
        target=written.output,
        code="c5u4m",
        expected_stage="PREPARATION",
    )
    # [END howto_recipe_bitrix24_amounts]


amounts_then_trigger()
