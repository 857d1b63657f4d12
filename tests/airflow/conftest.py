"""Airflow for tests: a home of its own, and a way to run an operator as Airflow runs it.

On Airflow 3 the real task runner runs against a supervisor that lives in memory, so neither database nor
scheduler is needed; on 2.11 a task instance is run from an SQLite database. Where a task defers itself, its Airflow
trigger is made from what was serialized, run, and the task resumed with its event. A portal is the simulator.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

_HOME = tempfile.TemporaryDirectory(prefix="airflow-home-")
_EXAMPLES = Path(__file__).parents[2] / "example_dags"
# Airflow reads these when it is imported, so they come first.
os.environ |= {
    "AIRFLOW_HOME": _HOME.name,
    "AIRFLOW__CORE__DAGS_FOLDER": str(_EXAMPLES),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    "AIRFLOW__METRICS__TIMER_UNIT_CONSISTENCY": "True",
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
}

import asyncio  # noqa: E402
import contextlib  # noqa: E402
import itertools  # noqa: E402
import logging  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import warnings  # noqa: E402
from concurrent.futures import ThreadPoolExecutor  # noqa: E402
from dataclasses import dataclass, field  # noqa: E402
from datetime import UTC, datetime  # noqa: E402
from importlib import import_module  # noqa: E402
from typing import TYPE_CHECKING, Any  # noqa: E402

import pytest  # noqa: E402

from airflow_provider_bitrix24.simulator.testing import SimulatorServer, connection_json  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Self

    from airflow_provider_bitrix24.compat import BaseOperator

CONNECTION = "AIRFLOW_CONN_BITRIX24_DEFAULT"


@dataclass
class Deferral:
    """A wait of a task on the triggerer."""

    classpath: str
    kwargs: dict[str, Any]
    event: Any


@dataclass
class Ran:
    """What came of a task that ran."""

    state: str
    xcoms: dict[str, Any]
    log: list[tuple[str, str]] = field(default_factory=list)
    """(level, text) of the task's own log."""
    error: BaseException | None = None
    rendered: dict[str, Any] = field(default_factory=dict)
    deferrals: list[Deferral] = field(default_factory=list)
    end: Any = None
    """What Airflow 3's task runner told its supervisor of the end."""

    @property
    def report(self) -> dict[str, Any]:
        """Report of the task, returned or pushed."""
        return self.xcoms.get("return_value") or self.xcoms["report"]

    def said(self, level: str) -> str:
        """Return what was logged at a level, as one text."""
        return "\n".join(text for name, text in self.log if name == level)


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
def time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> VirtualTime:
    """Let the clients, operators, sensors and triggers wait without waiting."""
    from airflow_provider_bitrix24.client.transports.aio import AsyncDriver
    from airflow_provider_bitrix24.client.transports.sync import SyncDriver
    from airflow_provider_bitrix24.compat import BaseSensorOperator
    from airflow_provider_bitrix24.operators import waiting
    from airflow_provider_bitrix24.sensors import stage
    from airflow_provider_bitrix24.triggers.stage import StageChangeEventTrigger, StageTrigger

    virtual = VirtualTime()
    # A bucket of the test's own: an earlier portal at the same port may have been used up, on the real clock.
    monkeypatch.setenv("AIRFLOW__BITRIX24__PACING_DIRECTORY", str(tmp_path))
    for driver, sleep in ((SyncDriver, virtual.sleep), (AsyncDriver, virtual.asleep)):
        monkeypatch.setitem(driver.__init__.__kwdefaults__, "clock", virtual.monotonic)
        monkeypatch.setitem(driver.__init__.__kwdefaults__, "sleep", sleep)
    for module in (waiting, stage, import_module(BaseSensorOperator.__module__)):
        monkeypatch.setattr(module, "time", virtual)
    monkeypatch.setattr(StageTrigger, "_now", staticmethod(virtual.time))
    for trigger in (StageTrigger, StageChangeEventTrigger):
        monkeypatch.setattr(trigger, "_sleep", staticmethod(virtual.asleep))
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
        return _run_on_2
    state_store: dict[str, Any] = {}  # survives the tries of a test
    return lambda make, on_event=_unchanged: _run_on_3(monkeypatch, state_store, make, on_event)


def _unchanged(event: Any) -> Any:
    return event


def _run_trigger(classpath: str, kwargs: dict[str, Any]) -> Any:
    """Run a trigger as the triggerer does and return the payload of its only event."""
    module, _, name = classpath.rpartition(".")
    trigger = getattr(import_module(module), name)(**kwargs)

    async def events() -> list[Any]:
        return [event.payload async for event in trigger.run()]

    with ThreadPoolExecutor(1) as thread:  # the main thread's event loop is pytest's
        (payload,) = thread.submit(asyncio.run, events()).result()
    return payload


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


def _supervisor(state_store: dict[str, Any]) -> Any:  # noqa: C901 - a table of messages
    from airflow.sdk.exceptions import ErrorType
    from airflow.sdk.execution_time import comms

    class Supervisor:
        """Keeps what a task sends, and answers what it asks."""

        def __init__(self) -> None:
            self.xcoms: dict[str, Any] = {}
            self.rendered: dict[str, Any] = {}

        def send(self, msg: Any) -> Any:
            match type(msg).__name__:  # older lines lack some
                case "SetXCom":
                    self.xcoms[msg.key] = msg.value
                case "GetXCom":
                    return comms.XComResult(key=msg.key, value=self.xcoms.get(msg.key))
                case "SetTaskStateStore":
                    state_store[msg.key] = msg.value
                case "GetTaskStateStore" if msg.key in state_store:
                    return comms.TaskStateStoreResult(value=state_store[msg.key])
                case "DeleteTaskStateStore":
                    state_store.pop(msg.key, None)
                case "GetConnection":
                    return comms.ErrorResponse(error=ErrorType.CONNECTION_NOT_FOUND)
                case "GetTaskRescheduleStartDate":
                    return comms.TaskRescheduleStartDate(start_date=None)
                case "SetRenderedFields":
                    self.rendered = msg.rendered_fields
                case "ValidateInletsAndOutlets":
                    return comms.InactiveAssetsResult(inactive_assets=[])
            return None

        async def asend(self, msg: Any) -> Any:
            return self.send(msg)

    return Supervisor()


def _run_on_3(
    monkeypatch: pytest.MonkeyPatch,
    state_store: dict[str, Any],
    make: Callable[[], BaseOperator],
    on_event: Callable[[Any], Any],
) -> Ran:
    import structlog
    from airflow.sdk import DAG
    from airflow.sdk.execution_time import comms, task_runner
    from structlog.testing import capture_logs
    from uuid6 import uuid7

    supervisor = _supervisor(state_store)
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", supervisor, raising=False)
    ran = Ran("", supervisor.xcoms)
    resume: dict[str, Any] = {}
    while ran.state in ("", "deferred"):
        with DAG("of_a_test", schedule=None) as dag:
            operator = make()
        ti = task_runner.RuntimeTaskInstance.model_construct(
            id=uuid7(),
            task_id=operator.task_id,
            dag_id=dag.dag_id,
            run_id="test",
            try_number=1,
            map_index=-1,
            task=operator,
            dag_version_id=uuid7(),
            max_tries=operator.retries,
            start_date=datetime.now(UTC),
        )
        ti._ti_context_from_server = _context_from_server(operator, resume)
        log = structlog.get_logger("task")
        with capture_logs() as lines, _Lines() as stdlib_lines:  # a task of 3.0 logs as one of 2.11 does
            context = ti.get_template_context()
            state, msg, ran.error = task_runner.run(ti, context, log)
            task_runner.finalize(ti, state, context, log, ran.error)
            if isinstance(msg, comms.DeferTask):
                encode, decode = _codec()
                kwargs = decode(msg.trigger_kwargs)
                event = _run_trigger(msg.classpath, kwargs)
                ran.deferrals.append(Deferral(msg.classpath, kwargs, event))
                resume = {"next_method": msg.next_method, "next_kwargs": encode({"event": on_event(event)})}
        ran.state, ran.end = state.value, msg
        ran.log += [(line["log_level"], line["event"]) for line in lines] + stdlib_lines.found
    ran.rendered = supervisor.rendered
    return ran


def _codec() -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """Return how what outlives a deferral is written down and read, which older Airflows leave to others."""
    try:
        from airflow.sdk.serde import deserialize, serialize
    except ImportError:  # before 3.2, where Airflow triggers are given their arguments as they are
        from airflow.serialization.serialized_objects import BaseSerialization

        return BaseSerialization.serialize, _unchanged
    return serialize, deserialize


def _context_from_server(operator: BaseOperator, resume: dict[str, Any]) -> Any:
    from airflow.sdk.api.datamodels._generated import DagRun, TIRunContext

    now = datetime.now(UTC)
    run = {
        "dag_id": operator.dag_id,
        "run_id": "test",
        "logical_date": now,
        "data_interval_start": now,
        "data_interval_end": now,
        "run_after": now,
        "start_date": now,
        "end_date": None,
        "run_type": "manual",
        "state": "running",
        "consumed_asset_events": [],
        "partition_key": None,
    }
    known = DagRun.model_fields.keys()
    run = DagRun(**{name: value for name, value in run.items() if name in known})
    retries = operator.retries
    return TIRunContext(dag_run=run, max_tries=retries, should_retry=bool(retries), **resume)


def _run_on_2(make: Callable[[], BaseOperator], on_event: Callable[[Any], Any] = _unchanged) -> Ran:
    from airflow.models.dag import DAG  # noqa: TID251
    from airflow.models.renderedtifields import RenderedTaskInstanceFields  # noqa: TID251 - this is what runs on 2.11 only
    from airflow.models.trigger import Trigger  # noqa: TID251
    from airflow.models.xcom import XCom  # noqa: TID251
    from airflow.triggers.base import TriggerEvent
    from airflow.utils import timezone
    from airflow.utils.session import create_session
    from airflow.utils.types import DagRunType

    with DAG(f"of_a_test_{next(_COUNTER)}", schedule=None, start_date=timezone.utcnow()) as dag:  # noqa: AIR311
        operator = make()
    now = timezone.utcnow()
    with create_session() as session:
        dag.sync_to_db(session=session)
        run = dag.create_dagrun(
            run_id="test",
            run_type=DagRunType.MANUAL,
            state="running",
            execution_date=now,
            data_interval=(now, now),
            session=session,
        )
        ti = run.get_task_instance(operator.task_id, session=session)
    ti.task = operator
    deferrals: list[Deferral] = []
    with _Lines() as lines:
        while True:
            error = None
            try:
                ti.run(ignore_ti_state=True, ignore_all_deps=True)
            except BaseException as raised:  # noqa: BLE001 - Airflow raises whatever the task did
                error = raised
            if ti.state != "deferred":
                break
            with create_session() as session:
                row = session.get(Trigger, ti.trigger_id)
            event = _run_trigger(row.classpath, row.kwargs)
            deferrals.append(Deferral(row.classpath, row.kwargs, event))
            Trigger.submit_event(row.id, TriggerEvent(on_event(event)))
            ti.refresh_from_db()
            with DAG(dag.dag_id, schedule=None, start_date=now):  # noqa: AIR311
                ti.task = make()  # a worker that resumes a task builds it anew
    with create_session() as session:
        found = session.query(XCom).filter_by(dag_id=dag.dag_id)
        xcoms = {each.key: each.value for each in found}
        rendered = RenderedTaskInstanceFields.get_templated_fields(ti, session=session) or {}
    link = operator.get_extra_links(ti, "Open in Bitrix24")
    return Ran(ti.state, xcoms | {"_link_EntityLink": link}, lines.found, error, rendered, deferrals)


class _Lines(logging.Handler):
    """Keeps what is logged while it is entered."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append((record.levelname.lower(), record.getMessage()))

    def __enter__(self) -> Self:
        logging.getLogger("airflow.task").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("airflow.task").removeHandler(self)


_COUNTER = itertools.count()
