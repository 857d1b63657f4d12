"""Runs one operator as Airflow does: Airflow 3's task runner, or a task instance of 2.11.

On Airflow 3 the supervisor is an object in memory, so neither a database nor a scheduler is needed; 2.11 uses an SQLite
database. If the task defers itself, its trigger is created from what was serialized and run, and the task resumes with
the event. Tests use the fixture ``run_task``.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    import pytest

    from airflow_provider_bitrix24.compat import BaseOperator

_COUNTER = itertools.count()


@dataclass
class Deferral:
    """A wait of a task on the triggerer."""

    classpath: str
    kwargs: dict[str, Any]
    event: Any


@dataclass
class Ran:
    """The result of a task."""

    state: str
    xcoms: dict[str, Any]
    log: list[tuple[str, str]] = field(default_factory=list)
    """(level, text) of the task's own log."""
    error: BaseException | None = None
    rendered: dict[str, Any] = field(default_factory=dict)
    deferrals: list[Deferral] = field(default_factory=list)
    end: Any = None
    """The last message of Airflow 3's task runner to its supervisor."""

    @property
    def report(self) -> dict[str, Any]:
        """The report that the task returned or pushed."""
        return self.xcoms.get("return_value") or self.xcoms["report"]

    def said(self, level: str) -> str:
        """Return everything logged at a level, as one text."""
        return "\n".join(text for name, text in self.log if name == level)


def unchanged(event: Any) -> Any:
    return event


def _run_trigger(classpath: str, kwargs: dict[str, Any]) -> Any:
    """Run a trigger as the triggerer does, and return the payload of its only event."""
    module, _, name = classpath.rpartition(".")
    trigger = getattr(import_module(module), name)(**kwargs)

    async def events() -> list[Any]:
        return [event.payload async for event in trigger.run()]

    with ThreadPoolExecutor(1) as thread:  # the main thread's event loop is pytest's
        (payload,) = thread.submit(asyncio.run, events()).result()
    return payload


def supervisor_of(  # noqa: C901 - a table of messages
    state_store: dict[str, Any], variables: dict[str, str] | None = None
) -> Any:
    from airflow.sdk.exceptions import ErrorType
    from airflow.sdk.execution_time import comms

    variables = {} if variables is None else variables

    class Supervisor:
        """Stores what a task sends, and answers its questions."""

        def __init__(self) -> None:
            self.xcoms: dict[str, Any] = {}
            self.rendered: dict[str, Any] = {}
            self.recorded = "running"

        def send(self, msg: Any) -> Any:
            if type(msg).__name__ == "SucceedTask":
                self.recorded = "success"
            if type(msg).__name__ == "GetTaskStates":
                return comms.TaskStatesResult(task_states={"test": {msg.task_ids[0]: self.recorded}})
            return self._answer(msg)

        def _answer(self, msg: Any) -> Any:  # noqa: C901 - a table of messages
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
                case "GetVariable" if msg.key in variables:
                    return comms.VariableResult(key=msg.key, value=variables[msg.key])
                case "GetVariable":
                    return comms.ErrorResponse(error=ErrorType.VARIABLE_NOT_FOUND)
                case "PutVariable":
                    variables[msg.key] = msg.value
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


def run_on_3(
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

    supervisor = supervisor_of(state_store)
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
    """Return the functions that serialize and deserialize what outlives a deferral, which differ from line to line."""
    try:
        from airflow.sdk.serde import deserialize, serialize
    except ImportError:  # before 3.2, where Airflow triggers are given their arguments as they are
        from airflow.serialization.serialized_objects import BaseSerialization

        return BaseSerialization.serialize, unchanged
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


def run_on_2(make: Callable[[], BaseOperator], on_event: Callable[[Any], Any] = unchanged) -> Ran:
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
    """Stores what is logged while it is entered."""

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
