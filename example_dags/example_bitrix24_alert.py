"""Tell somebody when a deal did not move.

By itself, a task whose entities did not move succeeds, with a warning: a trigger may have conditions that were not met.
With ``on_unmoved="fail"`` it fails, and its callback gets the sentence that says what happened.
"""

from __future__ import annotations

import logging
from typing import Any

import pendulum

from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator

try:
    from airflow.sdk import dag
except ImportError:  # Airflow 2
    from airflow.decorators import dag


# [START howto_bitrix24_alert]
def alert(context: dict[str, Any]) -> None:
    """Stand in for a message to a chat; a real callback sends it."""
    task = context["ti"]
    why = context.get("exception", "it failed")  # dag.test() of Airflow 3.0 to 3.2 passes none
    logging.getLogger("airflow.task").error("%s.%s: %s", task.dag_id, task.task_id, why)


@dag(
    dag_id="bitrix24_example_alert",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    doc_md=__doc__,
    tags=["bitrix24", "example"],
)
def alert_when_nothing_moved() -> None:
    """Move a deal, and tell somebody when it did not move."""
    TriggerAutomationOperator(
        task_id="to_preparation",
        target="DEAL_57",
        code="c5u4m",
        on_unmoved="fail",
        on_failure_callback=alert,
    )


alert_when_nothing_moved()
# [END howto_bitrix24_alert]
