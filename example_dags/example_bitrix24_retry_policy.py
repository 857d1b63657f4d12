"""Retry when the portal can answer again, and not at all where no retry helps (Airflow 3.3).

A wrong secret fails the task at once, though it has five retries. When the portal's operating limit is reached, the
next try comes after its reset; when the portal refuses further requests, after a pause that grows from try to try.
Everything else is retried after the task's own `retry_delay`.
"""

from __future__ import annotations

import airflow
import pendulum
from packaging.version import Version

from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook
from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator
from airflow_provider_bitrix24.retry_policy import Bitrix24RetryPolicy

try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task


@dag(
    dag_id="bitrix24_example_retry_policy",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    doc_md=__doc__,
    tags=["bitrix24", "example"],
)
def retry_policy() -> None:
    """Read, then move what was found."""

    # [START howto_retry_policy_bitrix24]
    @task(retries=5, retry_policy=Bitrix24RetryPolicy())
    def find_new_leads() -> list[str]:
        """Ask the portal itself."""
        new = {"entityTypeId": 1, "filter": {"stageId": "NEW"}, "select": ["id"]}
        with Bitrix24Hook() as hook:
            return [f"LEAD_{lead['id']}" for lead in hook.list("crm.item.list", new)]

    TriggerAutomationOperator(
        task_id="start_work",
        target=find_new_leads(),
        code="c5u4m",
        expected_stage="IN_PROCESS",
        retries=5,
        retry_policy=Bitrix24RetryPolicy(),
    )
    # [END howto_retry_policy_bitrix24]


if Version(airflow.__version__) >= Version("3.3"):
    retry_policy()
