"""The checkpoint of a firing in Airflow's task state store, so that a next try resumes where one stopped.

Airflow 3.3 keeps small values per task instance through retries, deferral and a user's Clear. Older ones do not, and
there a store without Airflow's only notices that the task is being killed. What the parts hold is decided in
:mod:`..client.firing.checkpoint`, what a finished firing leaves in :mod:`.finished`.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24._tasks.finished import DONE_KEY, FORGOTTEN, RECORDED_KEY
from airflow_provider_bitrix24.client.clock import SYSTEM_CLOCK, Clock
from airflow_provider_bitrix24.client.firing.parts import RECORD, TARGETS, VALUES, after_part, snapshot_part
from airflow_provider_bitrix24.client.packing import pack_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airflow_provider_bitrix24._tasks.finished import Finished
    from airflow_provider_bitrix24.client.report import TargetResult
    from airflow_provider_bitrix24.compat import Context

_log = logging.getLogger(__name__)
KEY = "bitrix24_firing"
TARGETS_KEY = "bitrix24_targets"
WAITS_KEY = "bitrix24_waits"
MAX_IDLE_DEFERRALS = 10
"""Deferrals in a row without anything done between them, after which the worker waits itself and gives up."""
LONG_WAIT = 60.0
"""Seconds of waiting for the portal from which it is worth giving the worker slot back."""
_MOST_PARTS = 10_000
"""More parts than any firing has; a damaged record could name a number whose deletion never ends."""


class DeferWait(Exception):  # noqa: N818 - not an error: the firing resumes later
    """The portal wants a long wait, which the worker need not spend.

    :param seconds: how long.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"waiting {seconds:.0f} s")
        self.seconds = seconds


class TaskKilledError(Exception):
    """Airflow is ending this task; nothing more is sent."""


class TaskCheckpointStore:
    """Keeps one firing's checkpoint; see :class:`.client.flows.effects.CheckpointStore`. Made once per run of a task.

    :param store: Airflow's task state store, or ``None`` where there is none or it must not be used.
    :param defers: whether a long wait ends this stay in the worker (:class:`DeferWait`).
    :param prefixes: what the names of parts begin with, for a task that sends in several groups.
    :param is_retry: whether there was an earlier try.
    """

    def __init__(
        self, store: Any, *, defers: bool = False, prefixes: Sequence[str] = ("",), is_retry: bool = False
    ) -> None:
        self._store = store
        self.is_retry = is_retry
        self._prefixes = prefixes
        self._killed = threading.Event()
        self._defers = defers and store is not None
        self._states: object = None
        self._done: tuple[Any, Finished] | None = None
        """The running task instance, and what it ends with."""

    def __deepcopy__(self, memo: dict[int, Any]) -> TaskCheckpointStore:
        """It belongs to one running task: a copy of the operator has the same."""
        return self

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        """In another process there is no such task: an operator that was pickled has none."""
        return type(None), ()

    @classmethod
    def of_task(
        cls, context: Context, *, durable: bool, deferrable: bool = False, prefixes: Sequence[str] = ("",)
    ) -> TaskCheckpointStore:
        """Make the store of a running task."""
        store = context.get("task_state_store") if durable else None
        return cls(store, defers=deferrable, prefixes=prefixes, is_retry=context["ti"].try_number > 1)

    def stop_firing(self) -> None:
        """Let no more requests leave: Airflow is ending the task. May be called from a signal handler."""
        self._killed.set()

    def pause(self, seconds: float, clock: Clock) -> None:
        """Wait in the worker.

        :raises TaskKilledError: Airflow is ending the task. On the system's clock, the wait ends then.
        """
        if clock is SYSTEM_CLOCK:
            self._killed.wait(seconds)
        else:
            clock.sleep(seconds)
        if self._killed.is_set():
            raise TaskKilledError("Airflow is ending the task.")

    @property
    def survives(self) -> bool:
        """Whether a next try will find what is saved."""
        return self._store is not None

    @property
    def has_fired(self) -> bool:
        """Whether an earlier try has fired anything."""
        return any(self.load(f"{prefix}{RECORD}") is not None for prefix in self._prefixes)

    def load(self, part: str) -> Any:
        """What an earlier try saved as this part, or ``None``."""
        kept = None if self._store is None else self._store.get(_key(part), None)
        if part == RECORD and isinstance(kept, dict):
            self._states = kept.get("states")
        return kept

    def save(self, part: str, value: dict[str, Any], *, ahead: bool) -> None:
        """Save a part before anything else is sent.

        :raises TaskKilledError: the task is being ended, and requests were to leave. They do not, and are not saved
            as if they had.
        :raises Exception: Airflow could not store it. A worker that lost its supervisor must not continue firing
            beside its own retry, so this ends the firing.
        """
        if ahead and self._killed.is_set():
            raise TaskKilledError("Airflow is ending the task.")
        if self._store is not None:
            self._store.set(_key(part), value)
            if part == RECORD:
                self._states = value.get("states")

    def amend(self, results: Iterable[TargetResult], *, awaited: bool) -> None:
        """Save what was learnt after the firing; see :func:`.client.firing.checkpoint.amend`.

        :raises CheckpointError: the checkpoint that was written is damaged.
        """
        from airflow_provider_bitrix24.client.firing.checkpoint import amend

        amended = amend(self.load, results, awaited=awaited)
        if amended is not None:
            self._store.set(KEY, amended)

    def keep_targets(self, targets: Sequence[str]) -> None:
        """Keep what a function returned, for a next try that could not tell it otherwise."""
        if self._store is not None:
            self._store.set(TARGETS_KEY, pack_json(list(targets)))

    def kept_targets(self) -> list[str] | None:
        """What the function returned in an earlier try that has sent something.

        :raises CheckpointError: it is damaged.
        """
        from airflow_provider_bitrix24.client.firing.part_values import read_texts

        if not self.has_fired:
            return None
        packed = self._store.get(TARGETS_KEY, None)
        return None if packed is None else read_texts(packed)

    def wait(self, seconds: float, kind: str) -> None:
        """Leave the worker for a long wait for the portal's operating time.

        :raises DeferWait: it is worth it.
        """
        if self._defers and kind == "operating" and seconds > LONG_WAIT and self._count_wait() <= MAX_IDLE_DEFERRALS:
            raise DeferWait(seconds)

    def _count_wait(self) -> int:
        """Number of this wait in a row of those between which nothing was done."""
        last = self._store.get(WAITS_KEY, None)
        idle = isinstance(last, dict) and last.get("states") == self._states and isinstance(last.get("count"), int)
        count = max(0, last["count"]) + 1 if idle else 1
        self._store.set(WAITS_KEY, {"states": self._states, "count": count})
        return int(count)

    def load_done(self) -> Any:
        """What an earlier try wrote when it had finished, or ``None``."""
        return None if self._store is None else self._store.get(DONE_KEY, None)

    def save_done(self, done: dict[str, Any]) -> None:
        """Write that the firing has finished."""
        if self._store is not None:
            self._store.set(DONE_KEY, done)

    def conclude(self, ti: Any, finished: Finished, *, save: bool = True) -> None:
        """The task ends with this; see :meth:`keep_evidence`. To be called last of all.

        :param save: unless an earlier try has written it.
        """
        if self._store is not None:
            if save:
                self.save_done(finished.as_record())
            self._done = ti, finished

    def load_recorded(self) -> Any:
        """Number of the try that finished the firing whose success Airflow has recorded, or ``None``."""
        return None if self._store is None else self._store.get(RECORDED_KEY, None)

    def keep_evidence(self) -> None:
        """Let a later Clear know that Airflow has recorded the success; to be called once Airflow knows of the end.

        A task that was cleared while it ran has lost its id: Airflow takes nothing from it any more, so there is no
        evidence then.
        """
        if self._done is None:
            return
        from airflow_provider_bitrix24.compat import RefusedByAirflow, recorded_state

        ti, finished = self._done
        try:
            if recorded_state(ti) == "success":
                self._store.set(RECORDED_KEY, finished.try_number)
        except (RefusedByAirflow, OSError) as error:
            _log.debug("A Clear will return this report first, since Airflow took no note of its success: %s", error)

    def forget(self) -> None:
        """Forget everything, so that the targets are fired anew.

        A kill in between leaves the mark that this has begun, and the next try continues with it: nothing of the old
        firing is left when the first new fire leaves.
        """
        if self._store is None:
            return
        self._store.set(DONE_KEY, FORGOTTEN)
        for prefix in self._prefixes:
            self._forget_parts(prefix)
        for key in (TARGETS_KEY, WAITS_KEY, RECORDED_KEY, DONE_KEY):
            self._store.delete(key)

    def _forget_parts(self, prefix: str) -> None:
        record = self._store.get(_key(f"{prefix}{RECORD}"), None)
        counts = record if isinstance(record, dict) else {}
        self._store.delete(_key(f"{prefix}{RECORD}"))
        for field, part in (("snapshot_parts", snapshot_part), ("after_parts", after_part)):
            count = counts.get(field)
            for number in range(min(count, _MOST_PARTS) if isinstance(count, int) else 0):
                self._store.delete(_key(f"{prefix}{part(number)}"))
        for name in (TARGETS, VALUES):
            self._store.delete(_key(f"{prefix}{name}"))


def _key(part: str) -> str:
    """Key in the task state store; the record has the one that it always had."""
    return KEY if part == RECORD else f"{KEY}_{part}"
