"""Say which stage the deal should move to.

With `expected_stage` the task fails if the deal does not get there, and retries become safe: a deal that
stands there already is not fired again. `python -m airflow_provider_bitrix24 stages CONN_ID DEAL_60` lists
the ids of its pipeline's stages.
"""

from __future__ import annotations

from datetime import timedelta

import pendulum

from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator

try:
    from airflow.sdk import dag
except ImportError:  # Airflow 2
    from airflow.decorators import dag


@dag(
    dag_id="bitrix24_example_expected_stage",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    doc_md=__doc__,
    tags=["bitrix24", "example"],
)
def expected_stage() -> None:
    """Move and make sure."""
    # [START howto_operator_bitrix24_expected_stage]
    TriggerAutomationOperator(
        task_id="to_production",
        target="DEAL_60",
        code="exec",
        expected_stage=["EXECUTING", "FINAL_INVOICE"],  # robots may move the deal on
        wait_timeout=600,  # seconds, for robots that take their time
        poke_interval=30,
        retries=3,
        retry_delay=timedelta(minutes=2),
    )
    # [END howto_operator_bitrix24_expected_stage]


expected_stage()
