"""One task for each entity.

Mapped tasks show every entity as a task of its own, to be retried and cleared by itself. They are much slower
than one task with a list, so keep them for a few dozen entities.
"""

from __future__ import annotations

import pendulum

from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator

try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task


@dag(
    dag_id="bitrix24_example_mapped",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    doc_md=__doc__,
    tags=["bitrix24", "example"],
)
def mapped() -> None:
    """Find, then move each by itself."""

    # [START howto_operator_bitrix24_mapped]
    @task
    def find_entities() -> list[str]:
        """Stand in for a query."""
        return ["DEAL_64", "LEAD_4", "DYNAMIC_177_5"]

    TriggerAutomationOperator.partial(
        task_id="move",
        code="c5u4m",
        map_index_template="{{ task.target }}",
    ).expand(target=find_entities())
    # [END howto_operator_bitrix24_mapped]


mapped()
