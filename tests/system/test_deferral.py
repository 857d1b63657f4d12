"""A deferred wait of 200 deals on a real Airflow: what it costs, and that it outlives the triggerer."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from airflow_provider_bitrix24.simulator.portal.accounts import MAIN_SECRET
from airflow_provider_bitrix24.simulator.testing import SimulatorServer, connection_json
from scripts.local_airflow import LocalAirflow
from scripts.processes import wait_for
from tests.support import triggerer
from tests.support.postgres import DATABASES, database_for, dump, select

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.system

TARGETS = [f"DEAL_{number}" for number in range(1, 201)]
INTERVAL = 5.0
DAG = f"""
import pendulum
try:
    from airflow.sdk import DAG
except ImportError:
    from airflow import DAG
from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator
from airflow_provider_bitrix24.sensors.stage import StageSensor

with DAG("deferred_wait", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), catchup=False):
    waiting = {{"deferrable": True, "poke_interval": {INTERVAL}, "expected_stage": "PREPARATION"}}
    TriggerAutomationOperator(
        task_id="fire", target={TARGETS!r}, code="c5u4m", wait_timeout=600, **waiting
    ) >> StageSensor(task_id="sense", target={TARGETS!r}, **waiting | {{"expected_stage": "EXECUTING"}})
"""


@pytest.fixture
def portal() -> Iterator[SimulatorServer]:
    with SimulatorServer() as server:
        server.portal.add_trigger("PREPARATION", code="c5u4m")
        server.portal.add_trigger("FINAL_INVOICE", code="c5u4m")  # a second fire would show
        server.portal.add_veto("PREPARATION")  # as if a robot took its time
        for number in range(1, 201):
            server.portal.add_deal(id=number)
        yield server
        assert server.crashes == []


@pytest.fixture(params=DATABASES)
def airflow(request: pytest.FixtureRequest, tmp_path: Path, portal: SimulatorServer) -> Iterator[LocalAirflow]:
    home = tmp_path / "airflow"
    dags = home / "dags"
    dags.mkdir(parents=True)
    (dags / "deferred.py").write_text(DAG)
    env = {
        "AIRFLOW_CONN_BITRIX24_DEFAULT": connection_json(portal.webhook_url),
        "AIRFLOW__API__ENABLE_XCOM_DESERIALIZE_SUPPORT": "True",  # 2.11 gives texts otherwise
        **triggerer.SOON,
        # Airflow fails a task that is queued again before its scheduler has noticed that it had left.
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
    }
    with database_for(request.param) as more, LocalAirflow(home, dags, env=env | more) as process:
        yield process


def states_of(airflow: LocalAirflow, run_id: str, task_id: str) -> list[str | None]:
    rows = airflow.task_instances("deferred_wait", run_id)
    return [row["state"] for row in rows if row["task_id"] == task_id]


def state_of(airflow: LocalAirflow, run_id: str, task_id: str) -> str | None:
    return states_of(airflow, run_id, task_id)[0]


def wait_until_deferred(airflow: LocalAirflow, run_id: str, task_id: str) -> None:
    """Wait until a task waits on the triggerer and the scheduler has seen its worker leave.

    Airflow fails a task that comes back before that.
    """
    wait_for(lambda: state_of(airflow, run_id, task_id) == "deferred", seconds=120, why=f"{task_id} did not defer")
    seen = re.compile(rf"TaskInstance Finished: dag_id=deferred_wait, task_id={task_id},.*state=deferred")
    wait_for(lambda: seen.search(airflow.log.read_text(errors="replace")), seconds=150, why="the scheduler saw no end")


def triggers(airflow: LocalAirflow) -> list[str]:
    """Classes of the Airflow triggers that are there just now."""
    return select(airflow, "select classpath from trigger")


def move(portal: SimulatorServer, targets: list[str], stage: str) -> None:
    for target in targets:
        portal.portal.move(target, stage)


def test_a_deferred_wait_is_cheap_and_outlives_a_killed_triggerer(
    airflow: LocalAirflow, portal: SimulatorServer
) -> None:
    run_id = airflow.trigger("deferred_wait")
    wait_until_deferred(airflow, run_id, "fire")

    # What it costs: one Airflow trigger, no slot, and no more than one request per interval.
    assert triggers(airflow) == ["airflow_provider_bitrix24.triggers.stage.StageTrigger"]
    pool = airflow.api("GET", "/pools/default_pool")
    assert (pool["running_slots"], pool["deferred_slots"]) == (0, 1)
    wait_for(lambda: portal.requests.last(1)[0].method == "batch", seconds=30, why="the triggerer does not look")
    begun, before = time.monotonic(), portal.requests.total
    wait_for(lambda: portal.requests.total >= before + 4, seconds=60, why="the triggerer does not look")
    assert portal.requests.total - before <= (time.monotonic() - begun) / INTERVAL + 1
    print(f"{portal.requests.total - before} requests in {time.monotonic() - begun:.1f} s for 200 targets")

    move(portal, TARGETS[:50], "PREPARATION")
    wait_for(lambda: portal.requests.total >= before + 6, seconds=60, why="the triggerer does not look")
    triggerer.kill(airflow)
    quiet = portal.requests.total
    time.sleep(2 * INTERVAL)
    assert portal.requests.total == quiet
    assert state_of(airflow, run_id, "fire") == "deferred"

    with triggerer.another(airflow):
        started = time.monotonic()
        wait_for(lambda: portal.requests.total > quiet, seconds=90, why="no triggerer took over")
        print(f"the next triggerer looked after {time.monotonic() - started:.1f} s")
        assert portal.requests.last(1)[0].method == "batch"
        move(portal, TARGETS[50:], "PREPARATION")
        wait_for(lambda: state_of(airflow, run_id, "fire") == "success", seconds=60, why="the task did not go on")
        report = airflow.xcom("deferred_wait", run_id, "fire")
        assert {name: report[name] for name in ("moved", "already", "unmoved", "failed")} == {
            "moved": 200,
            "already": 0,
            "unmoved": 0,
            "failed": 0,
        }
        assert set(portal.fires.values()) == {1}
        assert len(portal.fires) == 200

        wait_until_deferred(airflow, run_id, "sense")
        assert triggers(airflow).count("airflow_provider_bitrix24.triggers.stage.StageTrigger") >= 1
        move(portal, TARGETS, "EXECUTING")
        assert airflow.wait_for_run("deferred_wait", run_id, seconds=60) == "success", airflow.logs("deferred_wait")[
            -9000:
        ]

    assert airflow.xcom("deferred_wait", run_id, "sense") == dict.fromkeys(TARGETS, "EXECUTING")
    assert set(portal.fires.values()) == {1}
    assert {row["try_number"] for row in airflow.task_instances("deferred_wait", run_id)} == {1}
    assert portal.requests.statuses.get(503, 0) == 0

    # Where the secret is after all this: in nothing that Airflow has kept.
    kept = [path for path in airflow.home.rglob("*") if path.is_file() and MAIN_SECRET.encode() in path.read_bytes()]
    assert kept == []
    if "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN" in airflow.env:
        assert MAIN_SECRET.encode() not in dump(airflow.env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
