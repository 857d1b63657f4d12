"""Keeps the checkpoint of a firing in Airflow's task state store, so that the next try resumes where one stopped.

Airflow 3.3 keeps small values per task instance through retries, deferral and a user's Clear. Older versions do not;
there, the checkpoint store saves nothing and only notices that Airflow is ending the task. What a checkpoint holds is
decided in :mod:`..client.firing.checkpoint`.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client.packing import pack_json, unpack_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from airflow_provider_bitrix24.client.report import TargetResult
    from airflow_provider_bitrix24.client.targets import EntityRef
    from airflow_provider_bitrix24.compat import Context

KEY = "bitrix24_firing"
TARGETS_KEY = "bitrix24_targets"
WAITS_KEY = "bitrix24_waits"
LONGEST_TARGETS = 60_000
"""A compressed list of targets with more characters than this is not kept."""
MAX_IDLE_DEFERRALS = 10
"""Deferrals in a row without progress after which the worker itself waits, and then gives up."""
LONG_WAIT = 60.0
"""A wait for the portal that is longer than these seconds is worth giving the worker slot back."""


class DeferWait(Exception):  # noqa: N818 - not an error: the firing continues later
    """The portal asks for a long wait, so the task defers itself for ``seconds``."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"waiting {seconds:.0f} s")
        self.seconds = seconds


class TaskKilledError(Exception):
    """Airflow is ending this task, so nothing more is sent."""


class TaskCheckpointStore:
    """The :class:`~..client.flows.effects.CheckpointStore` of one run of a task.

    :param store: Airflow's task state store, or ``None`` if there is none or it must not be used.
    :param defers: whether a long wait defers the task (:class:`DeferWait`).
    """

    def __init__(self, store: Any, *, defers: bool = False) -> None:
        self._store = store
        self._killed = threading.Event()
        self._defers = defers and store is not None
        self._states: str | None = None

    @classmethod
    def of_task(cls, context: Context, *, durable: bool, deferrable: bool = False) -> TaskCheckpointStore:
        """Make the store of a running task."""
        return cls(context.get("task_state_store") if durable else None, defers=deferrable)

    def stop_firing(self) -> None:
        """Send no more requests, since Airflow is ending the task. A signal handler may call this."""
        self._killed.set()

    @property
    def survives(self) -> bool:
        """Whether the next try finds what is saved."""
        return self._store is not None

    def load(self) -> Mapping[str, Any] | None:
        """Return what an earlier try saved, if anything."""
        if self._store is None:
            return None
        kept = self._store.get(KEY, None)
        if not isinstance(kept, dict):
            return None
        self._states = kept.get("states")
        return kept

    def save(self, record: dict[str, Any], *, ahead: bool) -> None:
        """Save before anything else is sent.

        :raises TaskKilledError: requests were about to leave, but Airflow is ending the task. They are neither sent
            nor saved as sent.
        :raises Exception: Airflow could not store the record, which ends the firing. A worker that lost its
            supervisor must not continue to fire beside its own retry.
        """
        if ahead and self._killed.is_set():
            raise TaskKilledError("Airflow is ending the task.")
        if self._store is not None:
            self._store.set(KEY, record)
            self._states = record.get("states")

    def amend(self, refs: Sequence[EntityRef], results: Iterable[TargetResult], *, awaited: bool) -> None:
        """Save what was learnt after the firing; see :func:`~..client.firing.checkpoint.amended`."""
        from airflow_provider_bitrix24.client.firing.checkpoint import amended

        kept = self.load()
        if kept is not None:
            self._store.set(KEY, amended(kept, refs, results, awaited=awaited))

    def keep_targets(self, targets: Sequence[str]) -> None:
        """Keep a list of targets that the next try could not compute again, unless it is very long."""
        packed = pack_json(list(targets))
        if self._store is not None and len(packed) <= LONGEST_TARGETS:
            self._store.set(TARGETS_KEY, packed)

    def kept_targets(self) -> list[str] | None:
        """Return the targets of an earlier try that has sent something."""
        packed = None if self.load() is None else self._store.get(TARGETS_KEY, None)
        if not isinstance(packed, str):
            return None
        targets: list[str] = unpack_json(packed)
        return targets

    def wait(self, seconds: float, kind: str) -> None:
        """Leave the worker for a long wait for the portal's operating limit.

        :raises DeferWait: the wait is worth it.
        """
        if self._defers and kind == "operating" and seconds > LONG_WAIT and self._count_wait() <= MAX_IDLE_DEFERRALS:
            raise DeferWait(seconds)

    def _count_wait(self) -> int:
        """Count this wait and return how many there were in a row without progress."""
        last = self._store.get(WAITS_KEY, None)
        idle = isinstance(last, dict) and last.get("states") == self._states
        count = last["count"] + 1 if idle else 1
        self._store.set(WAITS_KEY, {"states": self._states, "count": count})
        return int(count)

    def delete(self) -> None:
        """Delete everything: the task has succeeded, so a Clear fires anew."""
        if self._store is not None:
            for key in (KEY, TARGETS_KEY, WAITS_KEY):
                self._store.delete(key)
