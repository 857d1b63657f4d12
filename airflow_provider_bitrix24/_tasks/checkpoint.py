"""The checkpoint of a firing in Airflow's task state store, so that a next try goes on where one stopped.

Airflow 3.3 keeps small values per task instance through retries, deferral and a user's Clear; older ones do
not, and there a journal without a store only notices that the task is being killed. What is kept is decided in
:mod:`.client.progress`.
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
"""Characters of a compressed list of targets beyond which it is not kept."""
MAX_IDLE_DEFERRALS = 10
"""Waits outside the worker in a row, without anything done between, after which the worker waits and gives up."""
LONG_WAIT = 60.0
"""Seconds of waiting for the portal from which it is worth giving the worker slot back."""


class DeferWait(Exception):  # noqa: N818 - no error: the firing goes on later
    """The portal wants a long wait, which the worker need not spend. ``seconds`` tells how long."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"waiting {seconds:.0f} s")
        self.seconds = seconds


class TaskKilledError(Exception):
    """Airflow is ending this task; nothing more is sent."""


class TaskCheckpointStore:
    """Keeps one firing's checkpoint; see :class:`.client.flows.effects.CheckpointStore`. Made once per run of a task.

    :param store: Airflow's task state store, or ``None`` where there is none or it must not be used.
    :param defers: whether a long wait ends this stay in the worker (:class:`DeferWait`).
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
        """Let no more requests leave: Airflow is ending the task. May be called from a signal handler."""
        self._killed.set()

    @property
    def survives(self) -> bool:
        """Whether a next try will find what is saved."""
        return self._store is not None

    def load(self) -> Mapping[str, Any] | None:
        """What an earlier try saved, if anything."""
        if self._store is None:
            return None
        kept = self._store.get(KEY, None)
        if not isinstance(kept, dict):
            return None
        self._states = kept.get("states")
        return kept

    def save(self, record: dict[str, Any], *, ahead: bool) -> None:
        """Save before anything else is sent.

        :raises TaskKilledError: the task is being ended, and requests were to leave. They do not, and are not saved
            as if they had.
        :raises Exception: Airflow could not store it. A worker that lost its supervisor must not go on firing
            beside its own retry, so this ends the firing.
        """
        if ahead and self._killed.is_set():
            raise TaskKilledError("Airflow is ending the task.")
        if self._store is not None:
            self._store.set(KEY, record)
            self._states = record.get("states")

    def amend(self, refs: Sequence[EntityRef], results: Iterable[TargetResult], *, awaited: bool) -> None:
        """Save what was learnt after the firing; see :func:`.client.progress.amended`."""
        from airflow_provider_bitrix24.client.firing.checkpoint import amended

        kept = self.load()
        if kept is not None:
            self._store.set(KEY, amended(kept, refs, results, awaited=awaited))

    def keep_targets(self, targets: Sequence[str]) -> None:
        """Keep what is about to be fired, for a next try that could not tell it otherwise; not if it is very long."""
        packed = pack_json(list(targets))
        if self._store is not None and len(packed) <= LONGEST_TARGETS:
            self._store.set(TARGETS_KEY, packed)

    def kept_targets(self) -> list[str] | None:
        """The targets of an earlier try that has sent something."""
        packed = None if self.load() is None else self._store.get(TARGETS_KEY, None)
        if not isinstance(packed, str):
            return None
        targets: list[str] = unpack_json(packed)
        return targets

    def wait(self, seconds: float, kind: str) -> None:
        """Leave the worker for a long wait for the portal's working time.

        :raises WaitElsewhere: it is worth it.
        """
        if self._defers and kind == "operating" and seconds > LONG_WAIT and self._counts_wait() <= MAX_IDLE_DEFERRALS:
            raise DeferWait(seconds)

    def _counts_wait(self) -> int:
        """Number of this wait in a row of those between which nothing was done."""
        last = self._store.get(WAITS_KEY, None)
        vain = isinstance(last, dict) and last.get("states") == self._states
        count = last["count"] + 1 if vain else 1
        self._store.set(WAITS_KEY, {"states": self._states, "count": count})
        return int(count)

    def delete(self) -> None:
        """Forget everything: the task has succeeded, so that a Clear does its work anew."""
        if self._store is not None:
            for key in (KEY, TARGETS_KEY, WAITS_KEY):
                self._store.delete(key)
