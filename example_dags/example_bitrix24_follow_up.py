"""What follows when an invoice has moved, and when it has not.

The invoice has to arrive at "Paid". If it does, the asset is updated, which can start other DAGs, and the
receipt goes out; if not, somebody is notified and the run fails. What became of each entity is in the report:
returned by a task that succeeds, in XCom under `report` otherwise.
"""

from __future__ import annotations

from typing import Any

import pendulum

from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator

try:
    from airflow.sdk import Asset, dag, task
except ImportError:  # Airflow 2
    from airflow.datasets import Dataset as Asset
    from airflow.decorators import dag, task


@dag(
    dag_id="bitrix24_example_follow_up",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    doc_md=__doc__,
    tags=["bitrix24", "example"],
)
def follow_up() -> None:
    """Move, then continue either way."""
    # [START howto_operator_bitrix24_follow_up]
    to_paid = TriggerAutomationOperator(
        task_id="to_paid",
        target="SMART_INVOICE_12",
        code="paid",
        expected_stage="DT31_2:P",
        outlets=[Asset("bitrix24://example.bitrix24.com/SMART_INVOICE/DT31_2:P")],
    )

    @task
    def send_receipt(report: dict[str, Any]) -> list[str]:
        """Runs when all invoices are paid."""
        return [result["target"] for result in report["results"]]

    @task(trigger_rule="one_failed")
    def tell_somebody(ti: Any = None) -> list[str]:
        """Runs when the task failed; tells which invoices did not get there."""
        report = ti.xcom_pull(task_ids="to_paid", key="report") or {"results": []}
        return [f"{result['target']}: {result['outcome']}" for result in report["results"]]

    @task(trigger_rule="one_failed", retries=0)
    def fail_the_run() -> None:
        """Keeps the run red: Airflow judges it by its last tasks, and tell_somebody succeeds."""
        raise RuntimeError("The invoice was not paid; see the task to_paid.")

    told = tell_somebody()
    to_paid >> told
    [send_receipt(to_paid.output), told, to_paid] >> fail_the_run()
    # [END howto_operator_bitrix24_follow_up]


follow_up()
