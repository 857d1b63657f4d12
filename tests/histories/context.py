"""What a running task sees of Airflow: its task instance with XComs, the task state store, the run's context."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse

from tests.histories.task import TASK_ID

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.histories.plan import Stay
    from tests.histories.timeline import Process

RETURN_VALUE = "return_value"


class SupervisorGoneError(OSError):
    """What a task meets that lost its supervisor."""


def ask(process: Process, what: str) -> None:
    """Let a process ask Airflow for something.

    :raises SupervisorGoneError: nobody answers.
    """
    process.point(what)
    if process.orphaned:
        raise SupervisorGoneError("The supervisor is gone.")


@dataclass(slots=True)
class Flaky:
    """An API of Airflow's, of which calls with some numbers raise."""

    fails: frozenset[int]
    calls: int = 0
    failed: bool = False

    def ask(self, process: Process, what: str) -> None:
        """Let a process call it.

        :raises AirflowRuntimeError: the API server answered with an error.
        """
        ask(process, what)
        self.calls += 1
        if self.calls in self.fails:
            self.failed = True
            raise AirflowRuntimeError(ErrorResponse(error=ErrorType.GENERIC_ERROR, detail={"of": what}))


@dataclass(slots=True)
class XComs:
    """The XComs of the task, as the database keeps them."""

    values: dict[str, str] = field(default_factory=dict)
    pushed_in: dict[str, int] = field(default_factory=dict)
    """In which stay each was pushed."""
    pushed_at: dict[str, float] = field(default_factory=dict)

    def load(self, key: str) -> Any:
        """Return a value, or ``None``."""
        return json.loads(self.values[key]) if key in self.values else None

    def delete_all(self, process: Process, *, one_by_one: bool) -> None:
        """Delete them when a try starts: its own process does so, on Airflow 3 with a request for each."""
        if not one_by_one:
            process.point("delete XComs")
            self.values.clear()
            return
        for key in list(self.values):
            ask(process, f"delete XCom {key}")
            del self.values[key]


@dataclass(frozen=True, slots=True)
class ContextFromServer:
    """What the API server told the task runner."""

    max_tries: int
    should_retry: bool
    xcom_keys_to_clear: list[str]


class TaskInstance:
    """The task instance, as a task knows it."""

    task_id, dag_id, run_id, map_index = TASK_ID, "dag", "run", -1

    def __init__(
        self,
        xcoms: XComs,
        process: Process,
        stay: int,
        plan: Stay,
        *,
        try_number: int,
        max_tries: int,
        in_database: Callable[[], str],
    ) -> None:
        self._xcoms, self._process, self._stay = xcoms, process, stay
        self.api = Flaky(plan.xcom_fails)
        self.try_number, self.max_tries = try_number, max_tries
        self.first_look: Any = None
        self._in_database = in_database
        self.key = ("dag", TASK_ID, "run", try_number, -1)

    def get_first_reschedule_date(self, _: Any) -> Any:
        """Return when a sensor in the mode ``reschedule`` looked first."""
        return self.first_look

    def get_task_states(self, *, task_ids: list[str], run_ids: list[str], **_: Any) -> dict[str, dict[str, str]]:
        """Return what the database shows of the task instance."""
        self.api.ask(self._process, "get_task_states")
        return {run_ids[0]: {task_ids[0]: self._in_database()}}

    def xcom_push(self, key: str, value: Any) -> None:
        """Push an XCom."""
        text = json.dumps(value)
        self.api.ask(self._process, f"xcom_push {key}")
        self._xcoms.values[key] = text
        self._xcoms.pushed_in[key] = self._stay
        self._xcoms.pushed_at[key] = self._process.timeline.now
        self._process.point(f"xcom_pushed {key}")

    def xcom_pull(self, task_ids: Any = None, key: str = RETURN_VALUE, **_: Any) -> Any:  # noqa: ARG002 - Airflow's
        """Pull one of the task's own XComs."""
        self.api.ask(self._process, f"xcom_pull {key}")
        return self._xcoms.load(key)


class StateStore:
    """The task state store of Airflow 3.3."""

    def __init__(self, values: dict[str, str], process: Process, plan: Stay, is_archived: Callable[[], bool]) -> None:
        self._values, self._process, self._is_archived = values, process, is_archived
        self.api = Flaky(plan.store_fails)

    def _ask(self, what: str) -> None:
        self.api.ask(self._process, what)
        if self._is_archived():
            raise AirflowRuntimeError(ErrorResponse(error=ErrorType.GENERIC_ERROR, detail={"of": what}))

    def get(self, key: str, default: Any = None) -> Any:
        """Return what is stored."""
        self._ask(f"store.get {key}")
        return json.loads(self._values[key]) if key in self._values else default

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:  # noqa: ARG002 - Airflow's
        """Store something."""
        if value is None:
            raise ValueError("Cannot set value as None")
        text = json.dumps(value)
        self._ask(f"store.set {key}")
        self._values[key] = text
        self._process.point(f"stored {key}")

    def delete(self, key: str) -> None:
        """Forget something."""
        self._ask(f"store.delete {key}")
        self._values.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        self._ask("store.clear")
        self._values.clear()


def context_of(ti: TaskInstance, operator: Any, store: StateStore | None) -> dict[str, Any]:
    """Return the context that ``execute`` gets."""
    context = {
        "ti": ti,
        "task_instance": ti,
        "task": operator,
        "run_id": ti.run_id,
        "dag_run": SimpleNamespace(run_id=ti.run_id, dag_id=ti.dag_id),
        "try_number": ti.try_number,
        "params": {},
        "ts_nodash": "20261101T000000",
    }
    if store is not None:
        context["task_state_store"] = store
    return context


def hand_over(returned: Any, ti: TaskInstance, after_execute: str, *, pushes: bool) -> None:
    """Do what comes after ``execute``, all of which may raise."""
    if after_execute == "post_execute":
        raise RuntimeError("post_execute")
    if pushes and returned is not None:
        if after_execute == "push":
            raise RuntimeError("The XCom cannot be pushed.")
        ti.xcom_push(RETURN_VALUE, returned)
