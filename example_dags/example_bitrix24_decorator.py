"""Let a function say which entities move.

What the function returns is fired, and the task's output is the report of the move. A query and the fire for its result
are thus one task. Mapped, the function runs once for each input.
"""

from __future__ import annotations

from typing import Any

import pendulum

try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task


@dag(
    dag_id="bitrix24_example_decorator",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    doc_md=__doc__,
    tags=["bitrix24", "example"],
)
def decorator() -> None:
    """Find out, move, tell."""

    # [START howto_decorator_bitrix24_trigger]
    @task
    def find_orders() -> list[dict[str, Any]]:
        """Stand in for a query."""
        return [
            {"deal_id": 58, "paid": True},
            {"deal_id": 59, "paid": True},
            {"deal_id": 62, "paid": False},
        ]

    @task.bitrix24_trigger(code="exec", expected_stage="EXECUTING")
    def start_production(orders: list[dict[str, Any]]) -> list[str]:
        """Start with what has been paid."""
        return [f"DEAL_{order['deal_id']}" for order in orders if order["paid"]]

    @task
    def tell(report: dict[str, Any]) -> str:
        """Use the report, which is what a decorated task returns."""
        return f"{report['moved']} deals are in production."

    tell(start_production(find_orders()))
    # [END howto_decorator_bitrix24_trigger]

    # [START howto_decorator_bitrix24_trigger_mapped]
    @task.bitrix24_trigger(
        code="delivered",
        expected_stage="C5:WON",
        map_index_template="{{ task.target }}",
    )
    def deliver(parcel: str, prefix: str) -> str:
        """Name the delivery of a parcel."""
        return f"{prefix}_{parcel.removeprefix('parcel-')}"

    deliver.partial(prefix="DEAL").expand(parcel=["parcel-63", "parcel-64"])
    # [END howto_decorator_bitrix24_trigger_mapped]


decorator()
