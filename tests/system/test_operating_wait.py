"""A long wait for the portal's working time: spent in the triggerer, with everything saved, and gone on from."""

from __future__ import annotations

import sqlite3

import pytest

from scripts.local_airflow import AIRFLOW_VERSION, LocalAirflow
from scripts.processes import wait_for
from scripts.simulator_process import SimulatorProcess

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(AIRFLOW_VERSION < (3, 3), reason="a firing needs a checkpoint to leave its worker, from 3.3 on"),
]

COUNT = 100
COMMAND_MS = 200
DAG = f"""
from airflow.sdk import DAG
from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator

with DAG("operating_wait", schedule=None):
    TriggerAutomationOperator(
        task_id="fire", target=[f"DEAL_{{number}}" for number in range(1, {COUNT} + 1)], code="c5u4m", deferrable=True
    )
"""


def states(airflow, run_id):
    return [row["state"] for row in airflow.task_instances("operating_wait", run_id)]


def trigger_classes(airflow):
    with sqlite3.connect(f"file:{airflow.home}/airflow.db?mode=ro", uri=True) as database:
        return [row[0] for row in database.execute("select classpath from trigger")]


def test_a_long_wait_gives_the_worker_back_and_the_firing_goes_on(tmp_path):
    dags = tmp_path / "dags"
    dags.mkdir()
    (dags / "operating.py").write_text(DAG)
    with SimulatorProcess(tmp_path, "--command-ms", str(COMMAND_MS)) as simulator:
        simulator.seed_deals(COUNT)
        # Half of the work is over the limit; the oldest of ten baskets is freed after 90 seconds instead of 600.
        simulator.post("/limits", {"operating": {"seconds": COUNT * COMMAND_MS / 2000, "basket_seconds": 9}})
        env = {"AIRFLOW_CONN_BITRIX24_DEFAULT": simulator.connection}
        with LocalAirflow(tmp_path / "home", dags, env=env) as airflow:
            run_id = airflow.trigger("operating_wait")
            wait_for(lambda: "deferred" in states(airflow, run_id), seconds=120, why="the task kept its worker")
            assert trigger_classes(airflow) == ["airflow.providers.standard.triggers.temporal.DateTimeTrigger"]
            asked = simulator.requests
            assert 0 < simulator.moves()[1] < COUNT

            assert airflow.wait_for_run("operating_wait", run_id, seconds=400) == "success"

        log = airflow.logs("operating_wait")
        assert " are done; " in log
        assert simulator.moves() == {1: COUNT}
        assert simulator.refused == 0
        print(f"{asked} requests before the wait, {simulator.requests} in all")
