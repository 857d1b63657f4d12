"""What can be asked about one firing: which targets there are, and how far each is. Changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.firing.queue import FireQueue

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airflow_provider_bitrix24.client.entity_ref import EntityRef
    from airflow_provider_bitrix24.client.firing.in_doubt import InDoubtRequest
    from airflow_provider_bitrix24.client.firing.job import Job, Target


class FiringState:
    """All targets of one firing by what is to be done with them next. Only the ledger changes them.

    :param job: what is fired.
    :param targets: the targets in the caller's order.
    """

    def __init__(self, job: Job, targets: Iterable[Target]) -> None:
        self.job = job
        self.targets = tuple(targets)
        self.fired = False
        """Whether the portal may have acted on anything in this try."""
        self.sent = False
        """Whether a fire has left in this try."""
        self.resumed = False
        """Whether an earlier try has fired something."""
        self._unread_reason: str | None = None
        """Why nobody can read, where that is not a matter of permission."""
        self._queue = FireQueue(self.targets)
        self._accepted: dict[EntityRef, Target] = {}
        self._in_doubt: list[InDoubtRequest] = []
        self._changed: list[Target] = []

    @property
    def unread(self) -> int:
        """Targets whose stage is not known yet, or too old."""
        return len(self._queue.unread)

    @property
    def queued(self) -> int:
        """Targets that are ready to be fired."""
        return self._queue.ready

    @property
    def accepted(self) -> list[EntityRef]:
        """Targets that the portal has accepted and that have not been seen to arrive."""
        return list(self._accepted)

    @property
    def in_doubt(self) -> Sequence[InDoubtRequest]:
        """Requests whose effect is unknown."""
        return tuple(self._in_doubt)

    @property
    def next_due(self) -> float | None:
        """When the next reading of targets in doubt is due."""
        return min((request.due for request in self._in_doubt), default=None)

    @property
    def remaining(self) -> int:
        """Targets that still have to be fired, or may have to be fired again."""
        return self.unread + self.queued + sum(len(request.targets) for request in self._in_doubt)

    @property
    def settled(self) -> int:
        """How many targets are decided."""
        return sum(target.outcome is not None for target in self.targets)

    def unread_refs(self) -> Iterable[EntityRef]:
        """The targets that have to be read, in order."""
        return (target.ref for target in self._queue.unread)
