# [START howto_tutorial_bitrix24_nightly]
"""A nightly pipeline: load the day's payments, then move the deals that were paid.

The task that moves them runs when everything before it has succeeded. It takes the ids as a query
returns them. You may retry and clear it: it does not fire deals that are already at `EXECUTING`.
"""

from __future__ import annotations

from datetime import timedelta

import pendulum

from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator

try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task


@dag(
    dag_id="bitrix24_example_nightly",
    schedule=None,  # yours: schedule="0 3 * * *"
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    doc_md=__doc__,
    tags=["bitrix24", "example"],
)
def nightly() -> None:
    """Load, then move."""

    @task
    def load_payments() -> None:
        """Stand in for your pipeline."""

    @task
    def find_paid_deals() -> list[tuple[int]]:
        """Stand in for a query of the warehouse, whose rows are such tuples."""
        return [(57,), (58,), (60,)]

    paid = find_paid_deals()
    load_payments() >> paid

    TriggerAutomationOperator(
        task_id="to_production",
        target=paid,
        entity_type="DEAL",
        code="exec",
        expected_stage="EXECUTING",
        retries=3,
        retry_delay=timedelta(minutes=5),
    )


nightly_dag = nightly()
# [END howto_tutorial_bitrix24_nightly]
