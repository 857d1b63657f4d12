"""DAGs whose callbacks fire: of a DAG run, and of a missed deadline."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum

from airflow_provider_bitrix24.notifications.automation import TriggerAutomationNotifier

try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task

ARGUMENTS: dict[str, Any] = {"schedule": None, "start_date": pendulum.datetime(2026, 1, 1, tz="UTC"), "catchup": False}


@dag(
    dag_id="system_callback_of_run",
    on_success_callback=TriggerAutomationNotifier("DEAL_{{ dag_run.conf['deal'] }}", "c5u4m"),
    **ARGUMENTS,
)
def callback_of_run() -> None:
    @task
    def work() -> None: ...

    work()


callback_of_run()

try:
    from airflow.sdk import AsyncCallback, DeadlineAlert, DeadlineReference
except ImportError:  # before 3.1
    pass
else:

    @dag(
        dag_id="system_missed_deadline",
        deadline=DeadlineAlert(
            reference=DeadlineReference.DAGRUN_QUEUED_AT,
            interval=timedelta(seconds=1),
            callback=AsyncCallback(
                TriggerAutomationNotifier,
                kwargs={"target": "DEAL_{{ dag_run.conf['deal'] }}", "code": "c5u4m", "expected_stage": "PREPARATION"},
            ),
        ),
        **ARGUMENTS,
    )
    def missed_deadline() -> None:
        @task.bash
        def work() -> str:
            return "sleep 5"

        work()

    missed_deadline()
