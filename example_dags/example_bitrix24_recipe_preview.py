"""A run's parameter decides whether deals are changed, or only a table is logged.

Trigger it as it is to see what it would do, and with {"preview": false} to do it.
"""

from __future__ import annotations

from typing import Any

import pendulum

from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator
from airflow_provider_bitrix24.operators.entities import FindEntitiesOperator, UpdateEntitiesOperator

try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task


@dag(
    dag_id="bitrix24_example_recipe_preview",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    params={"preview": True},
    doc_md=__doc__,
    tags=["bitrix24", "example"],
)
def preview() -> None:
    """Find, write, move; or look."""
    # [START howto_recipe_bitrix24_preview]
    small = FindEntitiesOperator(
        task_id="small",
        entity_type="DEAL",
        filter={"stageId": "NEW", "<opportunity": 10_000},
    )

    @task
    def discounts(targets: list[str]) -> list[dict[str, Any]]:
        """Say what to write into each deal."""
        fields = {"comments": "Spring discount"}
        return [{"target": target, "fields": fields} for target in targets]

    written = UpdateEntitiesOperator(
        task_id="written",
        updates=discounts(small.output),
        preview="{{ params.preview }}",
    )

    TriggerAutomationOperator(
        task_id="to_preparation",
        target=written.output,
        code="c5u4m",
        preview="{{ params.preview }}",
    )
    # [END howto_recipe_bitrix24_preview]


preview()
