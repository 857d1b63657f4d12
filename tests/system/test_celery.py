"""CeleryExecutor: a worker that dies while mapped tasks of one entity each are firing, and what fails after a firing.

Nothing is moved twice.
"""

from __future__ import annotations

import importlib.util
import os
import random
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from scripts import redis_server
from scripts.airflow_parts import CELERY_WORKER, NOTICED_SOON, AirflowParts, celery_settings
from scripts.local_airflow import IS_3
from scripts.postgres_server import PostgresProcess, server_programs
from scripts.processes import wait_for
from scripts.redis_server import RedisProcess
from scripts.simulator_process import SimulatorProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

COUNT = 40
AT_ONCE = 4
SEED, ROUNDS = int(os.environ.get("KILL_SEED", "0")), int(os.environ.get("KILL_ROUNDS", "1"))
PROGRAMS = server_programs()
pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not IS_3, reason="without a checkpoint a killed worker's tasks may fire twice"),
    pytest.mark.skipif(PROGRAMS is None, reason="PostgreSQL's server is not installed (initdb, pg_ctl)"),
    pytest.mark.skipif(redis_server.server_program() is None, reason="redis-server is not installed"),
    pytest.mark.skipif(importlib.util.find_spec("celery") is None, reason="Celery is not installed"),
]

DAG = f"""
from datetime import timedelta
from airflow.sdk import DAG
from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator

with DAG("celery_tasks", schedule=None):
    TriggerAutomationOperator.partial(
        task_id="fire", code="c5u4m", retries=5, retry_delay=timedelta(seconds=1)
    ).expand(target=[f"DEAL_{{number}}" for number in range(1, {COUNT} + 1)])


class FailsOnceAfterFiring(TriggerAutomationOperator):
    def post_execute(self, context, result=None):
        if context["ti"].try_number == 1:
            raise RuntimeError("post_execute raises")


with DAG("post_execute", schedule=None):
    half = {COUNT} // 2
    for task_id, retries, first in (("retried", 2, {COUNT} + 1), ("cleared", 0, {COUNT} + half + 1)):
        FailsOnceAfterFiring(
            task_id=task_id, code="c5u4m", retries=retries, retry_delay=timedelta(seconds=1),
            target=[f"DEAL_{{number}}" for number in range(first, first + half)],
        )
"""


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    with SimulatorProcess(tmp_path_factory.mktemp("simulator"), "--request-ms", "20", "--command-ms", "5") as process:
        yield process


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory, simulator: SimulatorProcess) -> Iterator[AirflowParts]:
    home = tmp_path_factory.mktemp("airflow")
    dags = home / "dags"
    dags.mkdir()
    (dags / "celery_tasks.py").write_text(DAG)
    with ExitStack() as stack:
        assert PROGRAMS is not None
        database = stack.enter_context(PostgresProcess(PROGRAMS))
        redis = stack.enter_context(RedisProcess(home))
        env = {
            "AIRFLOW_CONN_BITRIX24_DEFAULT": simulator.connection,
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database.url,
            "AIRFLOW__CORE__PARALLELISM": "16",
            "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": "64",
            **NOTICED_SOON,
            **celery_settings(redis.url, database.url),
        }
        yield stack.enter_context(AirflowParts(home, dags, env=env, workers=AT_ONCE))


@pytest.mark.parametrize("number", range(SEED, SEED + ROUNDS))
def test_a_killed_celery_worker_moves_nothing_twice(
    airflow: AirflowParts, simulator: SimulatorProcess, number: int
) -> None:
    simulator.seed_deals(COUNT)
    run_id = airflow.trigger("celery_tasks")
    enough = 2 * random.Random(number).randint(3, COUNT - 10)  # noqa: S311 - requests, two for each task
    wait_for(lambda: simulator.requests >= enough, seconds=400, why="the tasks do not fire")

    airflow.restart(CELERY_WORKER)

    assert airflow.wait_for_run("celery_tasks", run_id, seconds=600) == "success"
    tries = [instance["try_number"] for instance in airflow.task_instances("celery_tasks", run_id)]
    assert simulator.moves() == {1: COUNT}
    assert max(tries) > 1, "the kill has hit no task"
    print(f"killed after {enough} requests; {sum(each > 1 for each in tries)} tasks were tried again")


def test_a_post_execute_that_raises_fires_nothing_twice_neither_in_a_retry_nor_after_a_clear(
    airflow: AirflowParts, simulator: SimulatorProcess
) -> None:
    simulator.seed_deals(2 * COUNT)
    run_id = airflow.trigger("post_execute")
    assert airflow.wait_for_run("post_execute", run_id, seconds=300) == "failed", "the task without retries"
    assert simulator.moves() == {1: COUNT}

    _clear(airflow, run_id, "cleared")

    assert airflow.wait_for_run("post_execute", run_id, seconds=300) == "success"
    assert simulator.moves() == {1: COUNT}
    assert {row["try_number"] for row in airflow.task_instances("post_execute", run_id)} == {2}
    for task_id in ("retried", "cleared"):
        assert airflow.xcom("post_execute", run_id, task_id)["moved"] == COUNT // 2

    # Now Airflow has recorded both successes, so a Clear begins anew.
    _clear(airflow, run_id, "retried")
    assert airflow.wait_for_run("post_execute", run_id, seconds=300) == "success"
    assert simulator.moves() == {1: COUNT // 2, 2: COUNT // 2}


def _clear(airflow: AirflowParts, run_id: str, task_id: str) -> None:
    body = {"dry_run": False, "dag_run_id": run_id, "task_ids": [task_id], "only_failed": False}
    airflow.api("POST", "/dags/post_execute/clearTaskInstances", body)
