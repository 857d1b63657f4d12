"""Move the deals that a query of the warehouse returns.

The query gives rows such as (57,), and entity_type says what they are. Nothing stands between the two tasks.
"""

from __future__ import annotations

import pendulum
from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator

from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator

try:
    from airflow.sdk import dag
except ImportError:  # Airflow 2
    from airflow.decorators import dag


@dag(
    dag_id="bitrix24_example_recipe_sql",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    doc_md=__doc__,
    tags=["bitrix24", "example"],
)
def rows_to_deals() -> None:
    """Query, move."""
    # [START howto_recipe_bitrix24_sql]
    signed = SQLExecuteQueryOperator(
        task_id="signed",
        conn_id="warehouse",
        sql="SELECT deal_id FROM offers WHERE signed = 1 ORDER BY deal_id",
    )

    TriggerAutomationOperator(
        task_id="to_preparation",
        target=signed.output,
        entity_type="DEAL",
        code="c5u4m",
        expected_stage="PREPARATION",
    )
    # [END howto_recipe_bitrix24_sql]


rows_to_deals()
