"""Move an entity when a task ends, as a callback.

Use a callback where the move is a side effect: it does not show as a task, and nothing can wait for it. Airflow may
run one again, so `expected_stage` says which stage the deal should move to: a deal that is already there is left alone.
"""

from __future__ import annotations

import pendulum

from airflow_provider_bitrix24.notifications.automation import TriggerAutomationNotifier

try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task


@dag(
    dag_id="bitrix24_example_notifier",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    params={"deal": 57},
    doc_md=__doc__,
    tags=["bitrix24", "example"],
)
def notifier() -> None:
    """Work, and let the deal show how it went."""

    # [START howto_notifier_bitrix24]
    @task(
        on_success_callback=TriggerAutomationNotifier(
            "DEAL_{{ params.deal }}",
            "exec",
            expected_stage=["EXECUTING", "FINAL_INVOICE", "WON"],
        ),
        on_failure_callback=TriggerAutomationNotifier("DEAL_{{ params.deal }}", "failed"),
    )
    def assemble() -> None:
        """Stand in for the work."""

    # [END howto_notifier_bitrix24]

    assemble()


notifier()
