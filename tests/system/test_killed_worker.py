"""A worker that dies in the middle of 5,000 targets: the retry goes on, nothing twice, nothing lost."""

from __future__ import annotations

import re

import pytest

from scripts.local_airflow import IS_3, LocalAirflow, command_line
from scripts.processes import is_running, wait_for
from scripts.simulator_process import SimulatorProcess

pytestmark = pytest.mark.system

COUNT = 5000
NOTICED_SOON = (
    {
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    }
    if IS_3
    else {
        "AIRFLOW__SCHEDULER__SCHEDULER_ZOMBIE_TASK_THRESHOLD": "60",
        "AIRFLOW__SCHEDULER__ZOMBIE_DETECTION_INTERVAL": "5",
    }
)
"""Lets Airflow notice a dead worker within a minute instead of five."""
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
def simulator(tmp_path_factory):
    with SimulatorProcess(tmp_path_factory.mktemp("simulator"), "--request-ms", "20", "--command-ms", "5") as process:
        yield process


@pytest.fixture(scope="module")
def airflow(tmp_path_factory, simulator):
    home = tmp_path_factory.mktemp("airflow")
    dags = home / "dags"
    dags.mkdir()
    # Without an expected stage, Airflow 3.3's checkpoint alone has to know what was fired.
    (dags / "killed.py").write_text(DAG.format(count=COUNT, expected=None if IS_3 else "PREPARATION"))
    env = {"AIRFLOW_CONN_BITRIX24_DEFAULT": simulator.connection, **NOTICED_SOON}
    with LocalAirflow(home, dags, env=env) as process:
        yield process


def task_process(airflow):
    """The task's own process and the worker above it."""
    pattern = r"airflow worker -- [0-9a-f-]{36}$" if IS_3 else r"airflow task runner: killed_worker "
    for process in airflow.find_processes():
        if re.search(pattern, command_line(process)):
            return process, process.parent()
    return None


@pytest.mark.parametrize("victim", ["task", "worker"])
def test_a_killed_worker_fires_nothing_twice(airflow, simulator, victim):
    simulator.seed_deals(COUNT)
    run_id = airflow.trigger("killed_worker")
    wait_for(lambda: simulator.requests >= 60, seconds=120, why="the firing did not begin")
    task, worker = wait_for(lambda: task_process(airflow), seconds=30, why="there is no task process")
    (task if victim == "task" else worker).kill()
    # An orphan stops at its next checkpoint; on 2.11 nothing stops it but its own end.
    if IS_3:
        wait_for(lambda: not is_running(task), seconds=60, why="the orphan went on")

    assert airflow.wait_for_run("killed_worker", run_id, seconds=300) == "success"

    assert simulator.moves() == {1: COUNT}
    assert simulator.refused == 0
    [instance] = airflow.task_instances("killed_worker", run_id)
    # On 2.11 the orphan reports its heartbeats and its success itself, so that no retry is needed.
    assert instance["try_number"] == (2 if IS_3 or victim == "task" else 1)
    if IS_3:
        assert " are done; " in airflow.logs("killed_worker")
        assert simulator.requests <= 112  # 105 without the accident
