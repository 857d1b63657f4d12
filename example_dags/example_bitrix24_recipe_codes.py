"""Fire different triggers for different deals: one mapped task for each code.

Each task fires all deals of its code, so it stays fast; a task for each deal would not be.
"""

from __future__ import annotations

from typing import Any

import pendulum

from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator

try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task


@dag(
    dag_id="bitrix24_example_recipe_codes",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    doc_md=__doc__,
    tags=["bitrix24", "example"],
)
def codes() -> None:
    """Query, group by code, move."""

    # [START howto_recipe_bitrix24_codes]
    @task
    def by_code() -> list[dict[str, Any]]:
        """Group the rows of a query by the code of their trigger."""
        rows = [(57, "c5u4m"), (60, "exec"), (58, "c5u4m")]
        groups: dict[str, list[int]] = {}
        for deal, code in rows:
            groups.setdefault(code, []).append(deal)
        return [{"target": deals, "code": code} for code, deals in groups.items()]

    TriggerAutomationOperator.partial(
        task_id="move",
        entity_type="DEAL",
        map_index_template="{{ task.code }}",
    ).expand_kwargs(by_code())
    # [END howto_recipe_bitrix24_codes]


codes()
