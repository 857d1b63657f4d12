"""Airflow for tests: a portal, a clock, and a way to run an operator (:mod:`.task_runs`)."""

from __future__ import annotations

import asyncio
import contextlib
import random
import subprocess
import sys
import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_bitrix24.client.clock import Clock
from airflow_provider_bitrix24.compat import BaseSensorOperator
from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook
from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator
from airflow_provider_bitrix24.sensors.stage import StageSensor
from airflow_provider_bitrix24.simulator.testing import SimulatorServer, connection_json
from airflow_provider_bitrix24.triggers.stage import StageChangeEventTrigger, StageTrigger
from tests.airflow.task_runs import Ran, run_on_2, run_on_3, unchanged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_bitrix24.compat import BaseOperator

CONNECTION = "AIRFLOW_CONN_BITRIX24_DEFAULT"


@pytest.fixture(autouse=True)
def own_pacing(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the buckets of other tests away: a port is used again, and its bucket may be full."""
    monkeypatch.setenv("AIRFLOW__BITRIX24__PACING_DIRECTORY", str(tmp_path_factory.mktemp("pacing")))


@pytest.fixture
def portal(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatorServer]:
    """Yield a portal with the demo's deals and triggers, set as ``bitrix24_default``."""
    with SimulatorServer(seed="demo") as server:
        monkeypatch.setenv(CONNECTION, connection_json(server.webhook_url))
        yield server
        assert server.crashes == []


class VirtualTime:
    """A clock that moves only when somebody sleeps. ``on_sleep`` is called with each sleep's seconds."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self.on_sleep: Callable[[float], object] = lambda _: None
        self.random: Callable[[], float] = random.Random(24).random  # noqa: S311 - no secret
        self.clock = Clock(
            now=self.time,
            monotonic=self.monotonic,
            sleep=self.sleep,
            asleep=self.asleep,
            random=self.draw,
        )

    def draw(self) -> float:
        """Return a random number, the same ones in each test; a test may replace :attr:`random`."""
        return self.random()

    def monotonic(self) -> float:
        """Return the seconds of the clock."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.slept.append(seconds)
        self.now += seconds
        self.on_sleep(seconds)

    def time(self) -> float:
        """Return seconds since the epoch."""
        return self.now

    async def asleep(self, seconds: float) -> None:
        """Let the time pass at once, in an event loop."""
        self.sleep(seconds)
        await asyncio.sleep(0)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> VirtualTime:
    """Let the clients, operators, sensors and triggers wait without waiting."""
    virtual = VirtualTime()
    for waits in (Bitrix24Hook, TriggerAutomationOperator, StageSensor, StageTrigger, StageChangeEventTrigger):
        monkeypatch.setattr(waits, "_clock", virtual.clock)
    # The loop of a sensor that pokes is Airflow's own.
    monkeypatch.setattr(import_module(BaseSensorOperator.__module__), "time", virtual)
    return virtual


@pytest.fixture
def run_task(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Callable[[Callable[[], BaseOperator]], Ran]:
    """Run the operator that a callable makes, in a DAG of its own.

    A second argument may change the event of a trigger on its way to the task.
    """
    try:
        import airflow.sdk  # noqa: F401
    except ImportError:
        request.getfixturevalue("database")
        return run_on_2
    state_store: dict[str, Any] = {}  # survives the tries of a test

    def run(make, on_event=unchanged):
        return run_on_3(monkeypatch, state_store, make, on_event)

    run.state_store = state_store
    return run


@pytest.fixture
def move(run_task: Callable[[Callable[[], BaseOperator]], Ran]) -> Callable[..., Ran]:
    """Run a TriggerAutomationOperator with these arguments."""

    def run(**arguments: Any) -> Ran:
        from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator

        return run_task(lambda: TriggerAutomationOperator(**{"task_id": "move", "code": "c5u4m"} | arguments))

    return run


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set an Airflow connection."""

    def set_connection(webhook_url: str, conn_id: str = "bitrix24_default") -> None:
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", connection_json(webhook_url))

    return set_connection


@pytest.fixture(scope="session")
def database() -> None:
    """Make Airflow's database, in a process of its own: what migrations import is not under test."""
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, capture_output=True)
    with warnings.catch_warnings(), contextlib.suppress(ImportError):
        # What dag.test() imports on Airflow 3: its test client warns of a library that is to replace another.
        warnings.simplefilter("ignore")
        import airflow.api_fastapi.execution_api.app  # noqa: F401


@pytest.fixture(scope="session", autouse=True)
def _what_airflow_2_imports() -> None:
    """Import what Airflow 2.11 imports in every process: its web form, which uses deprecated names of Flask."""
    with warnings.catch_warnings(), contextlib.suppress(ImportError):
        warnings.simplefilter("ignore", DeprecationWarning)
        import airflow.providers.fab.auth_manager.models  # noqa: F401
