"""Move a nightly list that may hold wrong ids, and tell somebody which they were.

The deals that exist are moved, and the task fails at once, since no retry helps. Correct the ids at their source, and
clear the first task with everything downstream: deals that have arrived are not fired again.
"""

from __future__ import annotations

from typing import Any

import pendulum
from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator

from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator

try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task


@dag(
    dag_id="bitrix24_example_recipe_wrong_ids",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    doc_md=__doc__,
    tags=["bitrix24", "example"],
)
def nightly_list() -> None:
    """Query, move; after a failure, name the wrong ids."""
    # [START howto_recipe_bitrix24_wrong_ids]
    delivered = SQLExecuteQueryOperator(
        task_id="delivered",
        conn_id="warehouse",
        sql="SELECT deal_id FROM deliveries ORDER BY deal_id",
    )

    to_preparation = TriggerAutomationOperator(
        task_id="to_preparation",
        target=delivered.output,
        entity_type="DEAL",
        code="c5u4m",
        expected_stage="PREPARATION",  # makes the Clear safe
        retries=2,
    )

    @task(trigger_rule="one_failed")
    def wrong_ids(report: dict[str, Any]) -> list[str]:
        """Stand in for a message. Of a task that failed, the report is in XCom under "report"."""
        return [result["target"] for result in report["results"] if result["outcome"] == "failed"]

    @task(trigger_rule="one_failed", retries=0)
    def fail_the_run() -> None:
        """Keeps the run red: Airflow judges it by its last tasks, and wrong_ids succeeds."""
        raise RuntimeError("Some ids are wrong; see the task wrong_ids.")

    [to_preparation, wrong_ids(to_preparation.output["report"])] >> fail_the_run()
    # [END howto_recipe_bitrix24_wrong_ids]


nightly_list()
