"""The checkpoint of a firing in Airflow's task state store, so that a next try goes on where one stopped.

Airflow 3.3 keeps small values per task instance through retries, deferral and a user's Clear; older ones do
not, and there a journal without a store only notices that the task is being killed. What is kept is decided in
:mod:`.client.progress`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping

    from airflow_provider_bitrix24.compat import Context

KEY = "bitrix24_firing"
LONG_WAIT = 60.0
"""Seconds of waiting for the portal from which it is worth giving the worker slot back."""


class WaitElsewhere(Exception):  # noqa: N818 - no error: the firing goes on later
    """The portal wants a long wait, which the worker need not spend. ``seconds`` tells how long."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"waiting {seconds:.0f} s")
        self.seconds = seconds


class TaskKilledError(Exception):
    """Airflow is ending this task; nothing more is sent."""


class TaskJournal:
    """Keeps one firing's progress; see :class:`.client.progress.Journal`.

    :param store: Airflow's task state store, or ``None`` where there is none or it shall not be used.
    :param killed: set when Airflow ends the task.
    :param defers: whether a long wait ends this stay in the worker (:class:`WaitElsewhere`).
    """

    def __init__(self, store: Any, *, killed: threading.Event, defers: bool = False) -> None:
        self._store = store
        self._killed = killed
        self._defers = defers and store is not None

    @classmethod
    def of_task(cls, context: Context, *, durable: bool, killed: threading.Event, deferrable: bool) -> TaskJournal:
        """Make the journal of a running task."""
        store = context.get("task_state_store") if durable else None
        return cls(store, killed=killed, defers=deferrable)

    @property
    def survives(self) -> bool:
        """Whether a next try will find what is saved."""
        return self._store is not None

    def load(self) -> Mapping[str, Any] | None:
        """What an earlier try saved, if anything."""
        if self._store is None:
            return None
        kept = self._store.get(KEY, None)
        return kept if isinstance(kept, dict) else None

    def save(self, record: dict[str, Any]) -> None:
        """Save before anything else is sent.

        :raises TaskKilledError: the task is being ended.
        :raises Exception: Airflow could not store it. A worker that lost its supervisor must not go on firing
            beside its own retry, so this ends the firing.
        """
        if self._killed.is_set():
            raise TaskKilledError("Airflow is ending the task.")
        if self._store is not None:
            self._store.set(KEY, record)

    def wait(self, seconds: float, kind: str) -> None:
        """Leave the worker for a long wait for the portal's working time.

        :raises WaitElsewhere: it is worth it.
        """
        if self._defers and kind == "operating" and seconds > LONG_WAIT:
            raise WaitElsewhere(seconds)

    def delete(self) -> None:
        """Forget everything: the task has succeeded, so that a Clear does its work anew."""
        if self._store is not None:
            self._store.delete(KEY)
