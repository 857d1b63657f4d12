"""A worker that dies in the middle of 5,000 targets: the retry goes on, nothing twice, nothing lost."""

from __future__ import annotations

import os
import re
import signal

import pytest
from airflow_process import IS_3, AirflowProcess, alive, command_line, parent_of, wait_for
from simulator_process import SimulatorProcess

pytestmark = pytest.mark.system

COUNT = 5000
DAG = """
from datetime import timedelta
try:
    from airflow.sdk import DAG
except ImportError:
    from airflow import DAG
from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator

with DAG("killed_worker", schedule=None):
    TriggerAutomationOperator(
        task_id="fire",
        target=[f"DEAL_{{number}}" for number in range(1, {count} + 1)],
        code="c5u4m",
        expected_stage={expected!r},
        retries=2,
        retry_delay=timedelta(seconds=3),
    )
"""


@pytest.fixture(scope="module")
def simulator():
    with SimulatorProcess("--request-ms", "20", "--command-ms", "5") as process:
        yield process


@pytest.fixture(scope="module")
def airflow(tmp_path_factory, simulator):
    home = tmp_path_factory.mktemp("airflow")
    dags = home / "dags"
    dags.mkdir()
    # Without an expected stage, Airflow 3.3's checkpoint alone has to know what was fired.
    (dags / "killed.py").write_text(DAG.format(count=COUNT, expected=None if IS_3 else "PREPARATION"))
    env = {"AIRFLOW_CONN_BITRIX24_DEFAULT": simulator.connection}
    with AirflowProcess(home, dags, env=env) as process:
        yield process


def task_process(airflow):
    """The task's own process and the worker above it."""
    pattern = r"airflow worker -- [0-9a-f-]{36}$" if IS_3 else r"airflow task runner: killed_worker "
    for pid in airflow.pids():
        if re.search(pattern, command_line(pid)):
            return pid, parent_of(pid)
    return None


@pytest.mark.parametrize("victim", ["task", "worker"])
def test_a_killed_worker_fires_nothing_twice(airflow, simulator, victim):
    simulator.seed_deals(COUNT)
    run_id = airflow.trigger("killed_worker")
    wait_for(lambda: simulator.requests >= 60, seconds=120, why="the firing did not begin")
    task, worker = wait_for(lambda: task_process(airflow), seconds=5, why="no task process")
    os.kill(task if victim == "task" else worker, signal.SIGKILL)
    # An orphan stops at its next checkpoint; on 2.11 nothing stops it but its own end.
    if IS_3:
        wait_for(lambda: not alive(task), seconds=15, why="the orphan went on")

    assert airflow.wait_for_run("killed_worker", run_id, seconds=300) == "success"

    assert simulator.moves() == {1: COUNT}
    assert simulator.refused == 0
    [instance] = airflow.task_instances("killed_worker", run_id)
    # On 2.11 the orphan reports its heartbeats and its success itself, so that no retry is needed.
    assert instance["try_number"] == (2 if IS_3 or victim == "task" else 1)
    if IS_3:
        assert "Going on from a checkpoint" in airflow.logs("killed_worker")
        assert simulator.requests <= 112  # 105 without the accident
