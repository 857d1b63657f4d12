"""CeleryExecutor with two workers that share no directory, and one bucket for all of them in the broker's Redis."""

from __future__ import annotations

import importlib.util
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from scripts import redis_server
from scripts.airflow_parts import NOTICED_SOON, AirflowParts, celery_settings
from scripts.local_airflow import IS_3
from scripts.postgres_server import PostgresProcess, server_programs
from scripts.processes import wait_for
from scripts.redis_server import RedisProcess
from scripts.simulator_process import SimulatorProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

MAPPED, LISTED = 100, 3000
AT_ONCE = 4
PROGRAMS = server_programs()
pytestmark = [
    pytest.mark.system,
    pytest.mark.long,
    pytest.mark.skipif(not IS_3, reason="without a checkpoint a killed worker's tasks may fire twice"),
    pytest.mark.skipif(PROGRAMS is None, reason="PostgreSQL's server is not installed (initdb, pg_ctl)"),
    pytest.mark.skipif(redis_server.server_program() is None, reason="redis-server is not installed"),
    pytest.mark.skipif(importlib.util.find_spec("celery") is None, reason="Celery is not installed"),
]

DAG = f"""
from datetime import timedelta
from airflow.sdk import DAG
from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator
from airflow_provider_bitrix24.sensors.stage import StageSensor

RETRIES = {{"retries": 5, "retry_delay": timedelta(seconds=1)}}

with DAG("many_hosts", schedule=None):
    TriggerAutomationOperator.partial(task_id="each", code="c5u4m", **RETRIES).expand(
        target=[f"DEAL_{{number}}" for number in range(1, {MAPPED} + 1)]
    )
    listed = [f"DEAL_{{number}}" for number in range({MAPPED} + 1, {MAPPED} + {LISTED} + 1)]
    TriggerAutomationOperator(task_id="list", target=listed, code="c5u4m", **RETRIES)
    for number in range(1, 4):
        StageSensor(
            task_id=f"wait_{{number}}",
            target=[f"DEAL_{{each}}" for each in range(number, {MAPPED} + 1, 3)],
            expected_stage="PREPARATION",
            deferrable=True,
            poke_interval=20,
        )
"""


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    with SimulatorProcess(tmp_path_factory.mktemp("simulator"), "--request-ms", "20", "--command-ms", "5") as process:
        yield process


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProcess]:
    with RedisProcess(tmp_path_factory.mktemp("redis")) as process:
        yield process


@pytest.fixture(scope="module")
def airflow(
    tmp_path_factory: pytest.TempPathFactory, simulator: SimulatorProcess, redis: RedisProcess
) -> Iterator[AirflowParts]:
    home = tmp_path_factory.mktemp("airflow")
    dags = home / "dags"
    dags.mkdir()
    (dags / "many_hosts.py").write_text(DAG)
    own = [{"AIRFLOW__BITRIX24__SHARED_STORE_DIRECTORY": str(home / f"worker-{number}")} for number in (1, 2)]
    with ExitStack() as stack:
        assert PROGRAMS is not None
        database = stack.enter_context(PostgresProcess(PROGRAMS))
        env = {
            "AIRFLOW_CONN_BITRIX24_DEFAULT": simulator.connection,
            "AIRFLOW_CONN_STORE": f"redis://127.0.0.1:{redis.port}/1",
            "AIRFLOW__BITRIX24__SHARED_STORE_CONN_ID": "store",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database.url,
            "AIRFLOW__CORE__PARALLELISM": "16",
            "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": "64",
            **NOTICED_SOON,
            **celery_settings(redis.url, database.url),
        }
        yield stack.enter_context(AirflowParts(home, dags, env=env, workers=AT_ONCE, of_workers=own))


def test_two_workers_keep_one_limit_also_when_one_is_killed(
    airflow: AirflowParts, simulator: SimulatorProcess, redis: RedisProcess
) -> None:
    simulator.seed_deals(MAPPED + LISTED)
    run_id = airflow.trigger("many_hosts")
    wait_for(lambda: simulator.requests >= MAPPED, seconds=300, why="the tasks do not fire")

    airflow.restart("worker-2")

    assert airflow.wait_for_run("many_hosts", run_id, seconds=900) == "success"
    assert simulator.moves() == {1: MAPPED + LISTED}
    assert simulator.refused == 0
    assert not list(airflow.home.glob("worker-*/*.json")), "nobody has paced alone or in files"
    from airflow_provider_bitrix24.client.stores.redis import RedisStore

    store = RedisStore.from_url(f"redis://127.0.0.1:{redis.port}/1")
    [bucket] = [value for value in store.entries().values() if isinstance(value, dict) and "level" in value]
    store.close()
    assert isinstance(bucket["takers"], dict)
    assert len(bucket["takers"]) > 1
