"""Move every deal that matches a filter, up to 100,000.

The list is found once and kept in XCom, so that a retry fires for the same deals. `expected_stage` lets a retry, or
a Clear, continue where the last try ended.
"""

from __future__ import annotations

from datetime import timedelta

import pendulum

from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator
from airflow_provider_bitrix24.operators.entities import FindEntitiesOperator

try:
    from airflow.sdk import dag
except ImportError:  # Airflow 2
    from airflow.decorators import dag


@dag(
    dag_id="bitrix24_example_bulk",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    doc_md=__doc__,
    tags=["bitrix24", "example"],
)
def bulk() -> None:
    """Find, move."""
    # [START howto_operator_bitrix24_bulk]
    new = FindEntitiesOperator(
        task_id="new",
        entity_type="DEAL",
        filter={"stageId": "NEW"},
        limit=100_000,
    )

    TriggerAutomationOperator(
        task_id="to_preparation",
        target=new.output,
        code="c5u4m",
        expected_stage="PREPARATION",
        or_later=True,  # robots may move deals on before they are read
        retries=5,
        retry_delay=timedelta(minutes=5),
        execution_timeout=timedelta(hours=2),
    )
    # [END howto_operator_bitrix24_bulk]


bulk()
