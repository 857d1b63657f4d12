"""Run whenever deals enter a stage, instead of on a schedule.

The triggerer reads the portal's stage history once a minute. Needs Airflow 3; on Airflow 2 this file holds no DAG.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pendulum

from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator
from airflow_provider_bitrix24.triggers.stage import StageChangeEventTrigger

try:
    from airflow.sdk import Asset, AssetWatcher, dag, task
except ImportError:
    IS_AIRFLOW_3 = False
else:
    IS_AIRFLOW_3 = True

if TYPE_CHECKING:
    from collections.abc import Mapping

if IS_AIRFLOW_3:
    # [START howto_trigger_bitrix24_event]
    delivered_deals = Asset(
        "bitrix24_delivered_deals",
        watchers=[
            AssetWatcher(
                name="final_invoice",
                trigger=StageChangeEventTrigger(
                    entity_type="DEAL",
                    stage="C5:FINAL_INVOICE",
                    poll_interval=60,  # seconds
                ),
            )
        ],
    )

    @dag(
        dag_id="bitrix24_example_event",
        schedule=[delivered_deals],
        start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
        catchup=False,
        doc_md=__doc__,
        tags=["bitrix24", "example"],
    )
    def event() -> None:
        """Close what was delivered."""

        @task
        def deals(triggering_asset_events: Mapping[Any, list[Any]]) -> list[str]:
            """Name the deals of all events. An event may come twice, then with the same history_id."""
            per_asset = triggering_asset_events.values()
            moves = [event.extra["payload"] for events in per_asset for event in events]
            return sorted({move["history_id"]: move["target"] for move in moves}.values())

        TriggerAutomationOperator(
            task_id="close",
            target=deals(),
            code="delivered",
            expected_stage="C5:WON",
        )

    # [END howto_trigger_bitrix24_event]

    event()
