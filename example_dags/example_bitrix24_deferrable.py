"""Fire a trigger and wait for hours, without a worker, until robots have moved the deals on.

The worker fires, checks once and frees its slot; the triggerer checks all deals with one request per
`poke_interval`. Where `[operators] default_deferrable` is on, `deferrable=True` need not be written.
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
    dag_id="bitrix24_example_deferrable",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    doc_md=__doc__,
    tags=["bitrix24", "example"],
)
def deferrable() -> None:
    """Fire and wait."""
    # [START howto_operator_bitrix24_deferrable]
    TriggerAutomationOperator(
        task_id="to_production",
        target=["DEAL_58", "DEAL_60"],
        code="exec",
        expected_stage=["EXECUTING", "FINAL_INVOICE"],  # robots may move the deal on
        wait_timeout=6 * 60 * 60,  # seconds
        poke_interval=120,
        deferrable=True,
        retries=3,
        retry_delay=timedelta(minutes=5),
    )
    # [END howto_operator_bitrix24_deferrable]


deferrable()
