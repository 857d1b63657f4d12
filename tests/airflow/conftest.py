"""Fixtures of the tests that meet Airflow: virtual time, a portal, and ways to run a task.

The rigs behind them are in :mod:`tests.support`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import warnings
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from airflow_provider_bitrix24.simulator.testing import CONNECTION_VARIABLE, SimulatorServer, connection_json
from tests.support import airflow_database, api_server
from tests.support.application import ApplicationConnection
from tests.support.secrets_masker import own_masks
from tests.support.task_runs import Ran, run_on_2, run_on_3, unchanged
from tests.support.tracing import untraced
from tests.support.virtual_time import VirtualTime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_bitrix24.compat import BaseOperator


@pytest.fixture(autouse=True)
def own_pacing(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the buckets of other tests away: a port is used again, and its bucket may be full."""
    monkeypatch.setenv("AIRFLOW__BITRIX24__SHARED_STORE_DIRECTORY", str(tmp_path_factory.mktemp("pacing")))


@pytest.fixture(autouse=True)
def _own_environment() -> Iterator[None]:
    """Take back what a test has changed: a command says in the environment that its process is not a task."""
    with mock.patch.dict(os.environ):
        yield


@pytest.fixture(autouse=True)
def _own_signal_handlers() -> Iterator[None]:
    """Take back the handlers that a task sets, which are gone otherwise when its process ends."""
    numbers = (signal.SIGTERM, signal.SIGALRM)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def _own_masks() -> Iterator[None]:
    """Let each test begin with nothing masked, as each task does."""
    with own_masks():
        yield


@pytest.fixture(autouse=True)
def time(monkeypatch: pytest.MonkeyPatch) -> VirtualTime:
    """Let all that waits in this process wait in virtual time."""
    virtual = VirtualTime()
    virtual.install(monkeypatch)
    return virtual


@pytest.fixture
def portal(time: VirtualTime, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatorServer]:
    """Yield a portal with the demo's deals and triggers, set as ``bitrix24_default``."""
    with SimulatorServer(seed="demo", clock=time.portal_clock) as server:
        monkeypatch.setenv(CONNECTION_VARIABLE, connection_json(server.webhook_url))
        yield server
        assert server.crashes == []


@pytest.fixture
def application(
    portal: SimulatorServer, monkeypatch: pytest.MonkeyPatch, time: VirtualTime, request: pytest.FixtureRequest
) -> Iterator[ApplicationConnection]:
    """Yield the connection ``bitrix24_app`` to an application that an administrator has authorized."""
    made = ApplicationConnection(
        portal,
        lambda conn_id, connection: monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", connection),
        f"test.{abs(hash(request.node.nodeid))}",
    )
    made.connect()
    made.authorize(time.time())
    yield made
    assert portal.portal.tokens.secrets_in_url == 0


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
def database(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Give this process a database of Airflow's."""
    airflow_database.provide(tmp_path_factory)
    with untraced(), warnings.catch_warnings(), contextlib.suppress(ImportError):
        # What dag.test() imports on Airflow 3: its test client warns of a library that is to replace another.
        warnings.simplefilter("ignore")
        import airflow.api_fastapi.execution_api.app  # noqa: F401

        api_server.keep_one()


@pytest.fixture(scope="session", autouse=True)
def _what_airflow_2_imports() -> None:
    """Import what Airflow 2.11 imports in every process: its web form, which uses deprecated names of Flask."""
    with warnings.catch_warnings(), contextlib.suppress(ImportError):
        warnings.simplefilter("ignore", DeprecationWarning)
        import airflow.providers.fab.auth_manager.models  # noqa: F401
        from airflow.hooks.filesystem import FSHook

        FSHook.get_connection_form_widgets()  # noqa: AIR312 - Airflow 2 has no other
