"""The recipes that begin with a query, on a real Airflow: nothing between query and trigger, and the Clear."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sqlite3
from contextlib import ExitStack
from pathlib import Path

import pytest

from airflow_provider_bitrix24.simulator.testing import SimulatorServer, connection_json
from scripts.local_airflow import LocalAirflow

EXAMPLES = Path(__file__).parents[2] / "example_dags"
pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(
        importlib.util.find_spec("airflow.providers.sqlite") is None, reason="the provider sqlite is not installed"
    ),
]


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    """A portal, a warehouse and an Airflow that has the recipes."""
    home = tmp_path_factory.mktemp("recipes")
    dags = home / "dags"
    dags.mkdir()
    for name in ("sql", "wrong_ids"):
        shutil.copy(EXAMPLES / f"example_bitrix24_recipe_{name}.py", dags)
    warehouse = sqlite3.connect(home / "warehouse.db")
    warehouse.executescript(
        "CREATE TABLE offers (deal_id INTEGER, signed INTEGER);"
        "INSERT INTO offers VALUES (58, 1), (57, 1), (60, 0);"
        "CREATE TABLE deliveries (deal_id INTEGER);"
        "INSERT INTO deliveries VALUES (59), (5700), (5800);"
    )
    with ExitStack() as stack:
        portal = stack.enter_context(SimulatorServer(seed="demo"))
        env = {
            "AIRFLOW_CONN_BITRIX24_DEFAULT": connection_json(portal.webhook_url),
            "AIRFLOW_CONN_WAREHOUSE": json.dumps({"conn_type": "sqlite", "host": str(home / "warehouse.db")}),
            "AIRFLOW__API__ENABLE_XCOM_DESERIALIZE_SUPPORT": "True",  # 2.11 gives texts otherwise
        }
        airflow = stack.enter_context(LocalAirflow(home / "airflow", dags, env=env))
        yield portal, warehouse, airflow
        assert portal.crashes == []
    warehouse.close()


def test_rows_of_a_query_move_deals_with_nothing_between_the_tasks(system):
    portal, _, airflow = system
    run_id = airflow.trigger("bitrix24_example_recipe_sql")

    assert airflow.wait_for_run("bitrix24_example_recipe_sql", run_id) == "success"

    report = airflow.xcom("bitrix24_example_recipe_sql", run_id, "to_preparation")
    assert [(each["target"], each["outcome"]) for each in report["results"]] == [
        ("DEAL_57", "moved"),
        ("DEAL_58", "moved"),
    ]
    assert {target: portal.fires[target] for target in ("DEAL_57", "DEAL_58")} == {"DEAL_57": 1, "DEAL_58": 1}


def test_after_wrong_ids_were_corrected_a_clear_fires_only_the_rest(system):
    portal, warehouse, airflow = system
    dag_id = "bitrix24_example_recipe_wrong_ids"
    run_id = airflow.trigger(dag_id)

    assert airflow.wait_for_run(dag_id, run_id, seconds=400) == "failed"
    states = {each["task_id"]: each["state"] for each in airflow.task_instances(dag_id, run_id)}
    assert states == {
        "delivered": "success",
        "to_preparation": "failed",
        "wrong_ids": "success",
        "fail_the_run": "failed",
    }
    assert airflow.xcom(dag_id, run_id, "wrong_ids") == ["DEAL_5700", "DEAL_5800"]
    assert portal.fires["DEAL_59"] == 1

    with warehouse:
        warehouse.execute("UPDATE deliveries SET deal_id = 62 WHERE deal_id = 5700")
        warehouse.execute("DELETE FROM deliveries WHERE deal_id = 5800")
    portal.portal.find("DEAL_62").stage_id = "NEW"
    clear = {"dry_run": False, "task_ids": ["delivered"], "include_downstream": True, "only_failed": False}
    airflow.api("POST", f"/dags/{dag_id}/clearTaskInstances", clear | {"dag_run_id": run_id, "reset_dag_runs": True})

    assert airflow.wait_for_run(dag_id, run_id, seconds=400) == "success"
    report = airflow.xcom(dag_id, run_id, "to_preparation")
    assert (report["moved"], report["already"] + report["moved"], report["failed"]) in ((1, 2, 0), (2, 2, 0))
    assert (portal.fires["DEAL_59"], portal.fires["DEAL_62"]) == (1, 1)
