"""Share a portal with other DAGs.

A portal takes about two requests a second from one address. Tasks on the same machine share that by
themselves; a pool keeps many of them from waiting for each other in worker slots. Make it once:
`airflow pools set bitrix24 2 "Tasks that talk to Bitrix24"`.
"""

from __future__ import annotations

import pendulum

from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator

try:
    from airflow.sdk import dag
except ImportError:  # Airflow 2
    from airflow.decorators import dag


@dag(
    dag_id="bitrix24_example_pool",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    doc_md=__doc__,
    tags=["bitrix24", "example"],
)
def with_pool() -> None:
    """Move through a pool."""
    # [START howto_operator_bitrix24_pool]
    TriggerAutomationOperator(
        task_id="to_won",
        target="DEAL_61",
        code="paid",
        pool="bitrix24",
    )
    # [END howto_operator_bitrix24_pool]


with_pool()
