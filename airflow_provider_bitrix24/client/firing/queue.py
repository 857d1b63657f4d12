"""The targets that are still to be fired, in order: first unread, then ready. Its only owner is the ledger. Pure."""

from __future__ import annotations

from collections import deque
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from airflow_provider_bitrix24.client.firing.job import Target


class FireQueue:
    """Targets whose stage is not known yet (unread), and targets that can be fired at once (ready).

    It changes no target.
    """

    def __init__(self, targets: Iterable[Target]) -> None:
        self._unread = deque(targets)
        self._ready: deque[Target] = deque()

    def __iter__(self) -> Iterator[Target]:
        return chain(self._ready, self._unread)

    @property
    def ready(self) -> int:
        """How many are ready."""
        return len(self._ready)

    @property
    def unread(self) -> Sequence[Target]:
        """Those that have to be read."""
        return self._unread

    def take_unread(self, count: int) -> list[Target]:
        """Take the next ones that have to be read."""
        return [self._unread.popleft() for _ in range(count)]

    def return_unread(self, targets: Sequence[Target]) -> None:
        """They are the next ones to be read."""
        self._unread.extendleft(reversed(targets))

    def add(self, target: Target) -> None:
        """It is ready, after all that are."""
        self._ready.append(target)

    def take_ready(self, capacity: int, *, read_back: bool, most: int | None = None) -> list[Target]:
        """Take what fits into one request, at least one target.

        :param capacity: commands that the request may hold.
        :param read_back: whether it ends with reading its entities; then each type among them costs a command.
        :param most: targets to take at most.
        """
        taken: list[Target] = []
        types: set[int] = set()
        while self._ready and len(taken) != most:
            target = self._ready[0]
            wider = types | {target.ref.type_id} if read_back and target.before is not None else types
            if taken and len(taken) + 1 + len(wider) > capacity:
                break
            types = wider
            taken.append(self._ready.popleft())
        return taken

    def return_ready(self, targets: Sequence[Target]) -> None:
        """They are the next ones to be fired."""
        self._ready.extendleft(reversed(targets))

    def expire(self) -> None:
        """What is ready has to be read again."""
        self._unread.extendleft(reversed(self._ready))
        self._ready.clear()

    def keep_untouched(self) -> None:
        """Leave unread only what was neither sent nor settled."""
        self._unread = deque(target for target in self._unread if target.outcome is None and not target.fires)

    def clear(self) -> None:
        """Nothing more is fired."""
        self._ready.clear()
        self._unread.clear()
