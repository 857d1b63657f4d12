"""200 mapped tasks of one entity each on LocalExecutor with PostgreSQL: the portal refuses none of them."""

from __future__ import annotations

import importlib.util
from contextlib import ExitStack

import pytest

from scripts.local_airflow import IS_3, LocalAirflow
from scripts.postgres_server import PostgresProcess, server_programs
from scripts.simulator_process import SimulatorProcess

COUNT = 200
PROGRAMS = server_programs()
pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not IS_3, reason="once is enough: pacing knows no Airflow"),
    pytest.mark.skipif(PROGRAMS is None, reason="PostgreSQL's server is not installed (initdb, pg_ctl)"),
    pytest.mark.skipif(importlib.util.find_spec("psycopg2") is None, reason="psycopg2 is not installed"),
]

DAG = f"""
try:
    from airflow.sdk import DAG
except ImportError:
    from airflow import DAG
from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator

with DAG("mapped_tasks", schedule=None):
    TriggerAutomationOperator.partial(task_id="fire", code="c5u4m").expand(
        target=[f"DEAL_{{number}}" for number in range(1, {COUNT} + 1)]
    )
"""


def test_200_mapped_tasks_are_never_refused(tmp_path):
    with ExitStack() as stack:
        simulator = stack.enter_context(SimulatorProcess(tmp_path, "--request-ms", "20", "--command-ms", "5"))
        postgres = stack.enter_context(PostgresProcess(PROGRAMS))
        dags = tmp_path / "dags"
        dags.mkdir()
        (dags / "mapped.py").write_text(DAG)
        env = {
            "AIRFLOW_CONN_BITRIX24_DEFAULT": simulator.connection,
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": postgres.url,
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "8",
            "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": "64",
        }
        simulator.seed_deals(COUNT)
        airflow = stack.enter_context(LocalAirflow(tmp_path / "home", dags, env=env))
        run_id = airflow.trigger("mapped_tasks")

        assert airflow.wait_for_run("mapped_tasks", run_id, seconds=600) == "success"

        assert simulator.moves() == {1: COUNT}
        assert simulator.refused == 0
        assert simulator.requests == 2 * COUNT
        assert {instance["state"] for instance in airflow.task_instances("mapped_tasks", run_id)} == {"success"}
