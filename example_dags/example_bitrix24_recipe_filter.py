"""Move the deals that match a filter: new ones above an amount.

The list that was found is in XCom, so a retry of the second task fires for the same deals.
"""

from __future__ import annotations

import pendulum

from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator
from airflow_provider_bitrix24.operators.entities import FindEntitiesOperator

try:
    from airflow.sdk import dag
except ImportError:  # Airflow 2
    from airflow.decorators import dag


@dag(
    dag_id="bitrix24_example_recipe_filter",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    doc_md=__doc__,
    tags=["bitrix24", "example"],
)
def filter_to_deals() -> None:
    """Find, move."""
    # [START howto_recipe_bitrix24_filter]
    large = FindEntitiesOperator(
        task_id="large",
        entity_type="DEAL",
        filter={"stageId": "NEW", ">=opportunity": 10_000},
        limit=500,  # more than that fails the task, and nothing is fired
    )

    TriggerAutomationOperator(
        task_id="to_preparation",
        target=large.output,
        code="c5u4m",
        expected_stage="PREPARATION",
    )
    # [END howto_recipe_bitrix24_filter]


filter_to_deals()
