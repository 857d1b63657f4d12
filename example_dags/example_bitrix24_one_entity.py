"""Move one deal when its report is done.

A task prepares a document; then the deal moves to its next stage. The trigger's code is what follows
`code=` in the URL that the trigger "Track incoming webhook" shows in Bitrix24.
"""

from __future__ import annotations

import pendulum

from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator

try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task


@dag(
    dag_id="bitrix24_example_one_entity",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    doc_md=__doc__,
    tags=["bitrix24", "example"],
)
def one_entity() -> None:
    """Prepare, then move."""

    @task
    def prepare_offer() -> None:
        """Stand in for the work that the deal waits for."""

    # [START howto_operator_bitrix24_one_entity]
    to_preparation = TriggerAutomationOperator(
        task_id="to_preparation",
        target="DEAL_57",
        code="c5u4m",
    )
    # [END howto_operator_bitrix24_one_entity]

    prepare_offer() >> to_preparation


one_entity()
