"""The example DAGs as users run them: by the scheduler, in worker processes, against a portal over HTTP."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_bitrix24.simulator.portal import seed as seeding
from scripts.local_airflow import AIRFLOW_VERSION, IS_3
from scripts.processes import wait_for

if TYPE_CHECKING:
    from airflow_provider_bitrix24.simulator.testing import SimulatorServer
    from scripts.local_airflow import LocalAirflow

pytestmark = pytest.mark.system

EXAMPLES = Path(__file__).parents[2] / "example_dags"
NEEDS_MORE = {
    "bitrix24_example_application": "an application that was authorized",
    "bitrix24_example_keep_tokens": "an application that was authorized",
    "bitrix24_example_recipe_preview": "another parameter than its own, which fires nothing",
    "bitrix24_example_recipe_sql": "a warehouse",
    "bitrix24_example_recipe_wrong_ids": "a warehouse, and a Clear",
}
"""What the demo's connection alone does not give: `test_recipes.py` and the tests of the example DAGs run these."""
RUN_BY_HAND = sorted(
    dag_id
    for path in EXAMPLES.glob("*.py")
    if "schedule=None" in path.read_text()
    for dag_id in re.findall(r"dag_id=\"(\w+)\"", path.read_text())
    if dag_id not in NEEDS_MORE and (AIRFLOW_VERSION >= (3, 3) or "3.3" not in path.read_text())
)


def run(airflow: LocalAirflow, dag_id: str) -> tuple[str, dict[str, str]]:
    """Let the scheduler run a DAG; returns the run's id, and the states of its tasks and of itself."""
    run_id = airflow.trigger(dag_id)
    state = airflow.wait_for_run(dag_id, run_id)
    states = {f"{row['task_id']} {row['map_index']}": row["state"] for row in airflow.task_instances(dag_id, run_id)}
    return run_id, {"run": state, **states}


@pytest.mark.skipif(not IS_3, reason="Airflow 2 has no event-driven scheduling")
def test_the_event_example_is_started_by_a_move(demo_airflow: LocalAirflow, demo_portal: SimulatorServer) -> None:
    demo_airflow.wait_for_dag("bitrix24_example_event")
    for number in range(1000, 1200):  # past what the watcher has seen: a cleared portal numbers its history anew
        demo_portal.portal.add_deal(id=number)
    seen = demo_portal.requests.total
    wait_for(lambda: demo_portal.requests.total > seen, seconds=90, why="the stage history is not read")
    demo_portal.portal.add_deal(id=905, stage="C5:NEW")

    demo_portal.portal.move("DEAL_905", "C5:FINAL_INVOICE")

    path = "/dags/bitrix24_example_event/dagRuns"
    [started] = wait_for(lambda: demo_airflow.api("GET", path)["dag_runs"], seconds=90, why="no run started")
    assert demo_airflow.wait_for_run("bitrix24_example_event", started["dag_run_id"]) == "success"
    assert demo_portal.portal.stage_of("DEAL_905") == "C5:WON"
    assert demo_portal.fires["DEAL_905"] == 1


@pytest.mark.parametrize("dag_id", RUN_BY_HAND)
def test_an_example_runs_through_the_scheduler_and_fires_each_entity_once(
    dag_id: str, demo_airflow: LocalAirflow, demo_portal: SimulatorServer
) -> None:
    demo_portal.portal.clear()
    seeding.apply(demo_portal.portal, seeding.DEMO)

    _, states = run(demo_airflow, dag_id)

    assert states["run"] == "success", states
    assert set(states.values()) <= {"success", "skipped"}
    fired = dict(demo_portal.fires)
    assert fired, "the DAG fired nothing"
    assert fired == dict.fromkeys(fired, 1)
    assert {target: demo_portal.moves[target] for target in fired} == dict.fromkeys(fired, 1)


def test_no_example_is_broken(demo_airflow: LocalAirflow) -> None:
    assert demo_airflow.api("GET", "/importErrors")["import_errors"] == []


def test_a_task_returns_its_report_and_links_to_the_entity(
    demo_airflow: LocalAirflow, demo_portal: SimulatorServer
) -> None:
    demo_portal.portal.add_deal(id=901)

    run_id, _ = run(demo_airflow, "system_one_deal")

    assert demo_airflow.xcom("system_one_deal", run_id, "move") == {
        "code": "c5u4m",
        "portal": demo_portal.url,
        "moved": 1,
        "already": 0,
        "elsewhere": 0,
        "unmoved": 0,
        "unverified": 0,
        "failed": 0,
        "results": [{"target": "DEAL_901", "outcome": "moved", "stage_before": "NEW", "stage_after": "PREPARATION"}],
    }
    links = demo_airflow.api("GET", f"/dags/system_one_deal/dagRuns/{run_id}/taskInstances/move/links")
    page = {"Open in Bitrix24": f"{demo_portal.url}/crm/deal/details/901/"}
    assert (links["extra_links"] if IS_3 else links) == page
    assert "moved NEW -> PREPARATION: DEAL_901" in demo_airflow.logs("system_one_deal")


def test_a_target_that_does_not_exist_fails_the_task_at_once_and_is_named(demo_airflow: LocalAirflow) -> None:
    run_id, states = run(demo_airflow, "system_missing")

    assert states == {"run": "failed", "move -1": "failed"}
    [instance] = demo_airflow.task_instances("system_missing", run_id)
    assert instance["try_number"] == 1, "it has retries, but none helps"
    report = demo_airflow.xcom("system_missing", run_id, "move", key="report")
    assert [each["outcome"] for each in report["results"]] == ["failed"]
    log = demo_airflow.logs("system_missing")
    assert "DEAL_999999" in log
    assert "does not exist" in log
