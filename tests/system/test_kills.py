"""LocalExecutor whose parts are killed at random while a task fires on a portal that loses answers.

Every entity is moved exactly once, and the report says of it what the portal says.
"""

from __future__ import annotations

import importlib.util
import os
import random
import re
import time
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from scripts.airflow_parts import NOTICED_SOON, AirflowParts
from scripts.local_airflow import AIRFLOW_VERSION, command_line
from scripts.postgres_server import PostgresProcess, server_programs
from scripts.simulator_process import SimulatorProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = server_programs()
pytestmark = [
    pytest.mark.system,
    pytest.mark.long,
    pytest.mark.skipif(AIRFLOW_VERSION < (3, 3), reason="without a checkpoint a killed try may fire twice"),
    pytest.mark.skipif(PROGRAMS is None, reason="PostgreSQL's server is not installed (initdb, pg_ctl)"),
    pytest.mark.skipif(importlib.util.find_spec("psycopg2") is None, reason="psycopg2 is not installed"),
]

SEED, ROUNDS = int(os.environ.get("KILL_SEED", "0")), int(os.environ.get("KILL_ROUNDS", "1"))
KILLS = int(os.environ.get("KILLS", "5"))
DEALS, LEADS = 1400, 100
"""Deals move when they are fired for. Leads do not: somebody moves them by hand, so that the task has to wait."""
VICTIMS = ("task", "scheduler", "triggerer", "api-server")
FAULTS = ["reset:after", "html:502:after", "reset:before", "cut_body:after", "empty:after", "html:503:before"]
DAG = f"""
from datetime import timedelta
from airflow.sdk import DAG
from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator

with DAG("kills", schedule=None):
    TriggerAutomationOperator(
        task_id="fire",
        target=[f"DEAL_{{number}}" for number in range(1, {DEALS} + 1)]
        + [f"LEAD_{{number}}" for number in range(1, {LEADS} + 1)],
        code="c5u4m",
        expected_stage=["PREPARATION", "IN_PROCESS"],
        wait_timeout=1800,
        poke_interval=3,
        deferrable=True,
        retries=40,
        retry_delay=timedelta(seconds=2),
    )
"""


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    folder = tmp_path_factory.mktemp("simulator")
    with SimulatorProcess(folder, "--request-ms", "20", "--command-ms", "40", "--plan", "enterprise") as process:
        yield process


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory, simulator: SimulatorProcess) -> Iterator[AirflowParts]:
    home = tmp_path_factory.mktemp("airflow")
    dags = home / "dags"
    dags.mkdir()
    (dags / "kills.py").write_text(DAG)
    with ExitStack() as stack:
        assert PROGRAMS is not None
        # A killed scheduler leaves workers behind that hold its connection, and with it the locks of its transaction.
        database = stack.enter_context(PostgresProcess(PROGRAMS, idle_in_transaction_session_timeout="20s"))
        env = {
            "AIRFLOW_CONN_BITRIX24_DEFAULT": _connection(simulator),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database.url,
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            **NOTICED_SOON,
        }
        yield stack.enter_context(AirflowParts(home, dags, env=env))


def _connection(simulator: SimulatorProcess) -> str:
    # What the simulator has not executed after five seconds it never executes.
    return simulator.connection.replace("}", ', "extra": "{\\"plan\\": \\"enterprise\\", \\"settle_after\\": 5}"}')


@dataclass
class Killing:
    """Kills parts of Airflow, one after another, while a run goes on.

    :param chance: decides which and when.
    """

    airflow: AirflowParts
    simulator: SimulatorProcess
    run_id: str
    chance: random.Random
    killed: list[str] = field(default_factory=list)
    coming: list[str] = field(default_factory=list)
    moved_leads: bool = False

    def live(self, *, seconds: float) -> str:
        """Kill, and wait for the run's end; returns its state."""
        deadline = time.monotonic() + seconds
        next_kill = time.monotonic() + self.chance.uniform(1, 4)
        while time.monotonic() < deadline:
            state, task = self._states()
            if state in ("success", "failed"):
                return state
            if not self.moved_leads and task == "deferred":
                self._move_leads()
            if len(self.killed) < KILLS and self._has_begun and time.monotonic() > next_kill:
                self._kill()
                next_kill = time.monotonic() + self.chance.uniform(3, 10)
            time.sleep(0.3)
        raise TimeoutError(f"It goes on after {', '.join(self.killed)}. {self.airflow.log_tail(60)}")

    @property
    def _has_begun(self) -> bool:
        return self.simulator.requests >= 3

    def _states(self) -> tuple[str, str]:
        with suppress(OSError):  # the API server may be dead
            state = self.airflow.state("kills", self.run_id)
            [instance] = self.airflow.task_instances("kills", self.run_id)
            return state, str(instance["state"])
        return "", ""

    def _move_leads(self) -> None:
        for number in range(1, LEADS + 1):
            self.simulator.move(f"LEAD_{number}", "IN_PROCESS")
        self.moved_leads = True

    def _kill(self) -> None:
        """Kill the next one; each has its turn before any has another."""
        if not self.coming:
            self.coming = self.chance.sample(VICTIMS, len(VICTIMS))
        victim = self.coming.pop(0)
        if victim != "task":
            self.airflow.restart(victim)
            self.killed.append(victim)
            return
        pattern = re.compile(r"airflow worker -- [0-9a-f-]{36}$")
        tasks = [each for each in self.airflow.find_processes() if pattern.search(command_line(each))]
        for each in tasks:
            each.kill()
        if tasks:
            self.killed.append(victim)
        elif self.coming:
            self.coming.append(victim)  # it waits on the triggerer


@pytest.mark.parametrize("number", range(SEED, SEED + ROUNDS))
def test_whatever_is_killed_every_entity_is_moved_once(
    airflow: AirflowParts, simulator: SimulatorProcess, number: int
) -> None:
    stages = [("PREPARATION", "DEAL"), ("EXECUTING", "DEAL")]
    simulator.post(
        "/reset",
        {
            "triggers": [{"type": kind, "stage": stage, "code": "c5u4m"} for stage, kind in stages],
            "generate": [
                {"type": "DEAL", "count": DEALS, "stage": "NEW", "first_id": 1},
                {"type": "LEAD", "count": LEADS, "stage": "NEW", "first_id": 1},
            ],
        },
    )
    script: list[Any] = []
    for fault in FAULTS:
        script += [None] * 5 + [fault]
    simulator.post("/faults", {"script": script, "repeat": True})
    airflow.wait_until_healthy()
    killing = Killing(airflow, simulator, airflow.trigger("kills"), random.Random(number))  # noqa: S311

    state = killing.live(seconds=900)

    airflow.wait_until_healthy()
    print(f"killed: {', '.join(killing.killed)}; {simulator.requests} requests")
    assert state == "success"
    fires = simulator.get("/fires")
    deals = Counter((entry["fires"], entry["moves"]) for target, entry in fires.items() if target.startswith("DEAL_"))
    assert deals == {(1, 1): DEALS}
    # Fires that move nothing may be repeated.
    assert len(fires) == DEALS + LEADS
    assert max(entry["moves"] for entry in fires.values()) == 1
    report = airflow.xcom("kills", killing.run_id, "fire")
    outcomes = ("moved", "already", "elsewhere", "unmoved", "unverified", "failed")
    assert {name: report[name] for name in outcomes} == dict.fromkeys(outcomes, 0) | {"moved": DEALS + LEADS}
