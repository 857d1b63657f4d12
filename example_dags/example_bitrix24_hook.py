"""Call the portal from Python: read with any REST method, decide, and fire.

Use the hook where no operator does what you need. What it reads comes page by page, as fast as the portal allows.
"""

from __future__ import annotations

import pendulum

from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook

try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task


@dag(
    dag_id="bitrix24_example_hook",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    doc_md=__doc__,
    tags=["bitrix24", "example"],
)
def hook() -> None:
    """Read, decide, fire."""

    # [START howto_hook_bitrix24]
    @task
    def start_small_deals() -> int:
        """Move new deals below a limit and return how many moved."""
        limit = 10_000
        new = {"entityTypeId": 2, "filter": {"stageId": "NEW"}, "select": ["id", "opportunity"]}
        with Bitrix24Hook("bitrix24_default") as portal:
            deals = portal.list("crm.item.list", new)
            small = [f"DEAL_{deal['id']}" for deal in deals if deal["opportunity"] < limit]
            report = portal.trigger_automation(small, "c5u4m", expected_stage="PREPARATION")
            return report.moved

    start_small_deals()
    # [END howto_hook_bitrix24]


hook()
