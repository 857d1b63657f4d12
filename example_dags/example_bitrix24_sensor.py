"""Wait until deals stand where colleagues, robots or another system have moved them.

The sensor only reads. Here a task of the same DAG plays the colleague. With `deferrable=True` the wait takes no
worker slot; `mode="reschedule"` frees it between two checks where no triggerer runs.
"""

from __future__ import annotations

import pendulum

from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator
from airflow_provider_bitrix24.sensors.stage import StageSensor

try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task


@dag(
    dag_id="bitrix24_example_sensor",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    doc_md=__doc__,
    tags=["bitrix24", "example"],
)
def sensor() -> None:
    """Wait, then continue."""
    colleague = TriggerAutomationOperator(task_id="colleague", target="DEAL_57", code="c5u4m")

    # [START howto_sensor_bitrix24_stage]
    in_preparation = StageSensor(
        task_id="in_preparation",
        target=["DEAL_57", "DEAL_60"],  # types may be mixed
        expected_stage=["PREPARATION", "EXECUTING"],  # any of them
        fail_on=["LOSE", "APOLOGY"],  # no use to wait any longer
        mode="reschedule",
        poke_interval=60,  # seconds
        timeout=24 * 60 * 60,
    )

    @task
    def order_goods(stages: dict[str, str]) -> list[str]:
        """Stand in for the work that follows. The sensor returns where each deal stands."""
        return sorted(stages)

    order_goods(in_preparation.output)
    # [END howto_sensor_bitrix24_stage]

    colleague >> in_preparation


sensor()
