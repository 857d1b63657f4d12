"""Fire an application's own trigger for 1,000 deals; keep alive the tokens of an application that is used rarely.

The connection `bitrix24_app` holds an OAuth application that an administrator has authorized; its trigger
`invoice_paid` is placed on a stage. `keep_alive` would run on a schedule of its own: unused tokens expire
after four weeks.
"""

from __future__ import annotations

import pendulum

from airflow_provider_bitrix24.operators.automation import ExecuteTriggerOperator

try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task


@dag(
    dag_id="bitrix24_example_application",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    doc_md=__doc__,
    tags=["bitrix24", "example"],
)
def application() -> None:
    """Find what has been paid, and fire."""

    # [START howto_operator_bitrix24_execute_trigger]
    @task
    def find_paid() -> list[int]:
        """Stand in for a query that returns the ids of 1,000 deals."""
        return list(range(101, 1101))

    ExecuteTriggerOperator(
        task_id="invoice_paid",
        target=find_paid(),
        entity_type="DEAL",
        code="invoice_paid",
        expected_stage="EXECUTING",
        or_later=True,
        bitrix24_conn_id="bitrix24_app",
    )
    # [END howto_operator_bitrix24_execute_trigger]


@dag(
    dag_id="bitrix24_example_keep_tokens",
    schedule=None,  # such as "0 6 * * 1"
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    doc_md=__doc__,
    tags=["bitrix24", "example"],
)
def keep_tokens() -> None:
    """Refresh the tokens of an application that no other DAG uses for weeks."""

    # [START howto_hook_bitrix24_refresh_tokens]
    @task
    def keep_alive() -> bool:
        """Refresh them if they are older than 20 days, and say whether they are new."""
        from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook

        with Bitrix24Hook("bitrix24_app") as hook:
            return hook.refresh_tokens(older_than=20 * 86400)

    keep_alive()
    # [END howto_hook_bitrix24_refresh_tokens]


application()
keep_tokens()
