"""A lock among the threads of a process that a fork leaves free."""

from __future__ import annotations

import os
import threading
from weakref import WeakSet


class ThreadsLock:
    """Keeps the threads of one process apart.

    A fork copies locks as they are, but of the threads only the one that forks: a lock that another thread holds would
    never be free in the new process. This one is.

    >>> lock = ThreadsLock()
    >>> with lock:
    ...     pass
    """

    __slots__ = ("__weakref__", "_lock")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        _LOCKS.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        if self._lock.locked():  # not where the thread that holds it forks
            self._lock.release()

    def renew(self) -> None:
        """Be free in a new process."""
        self._lock = threading.Lock()


_LOCKS: WeakSet[ThreadsLock] = WeakSet()


def _renew_all() -> None:
    for lock in _LOCKS:
        lock.renew()


os.register_at_fork(after_in_child=_renew_all)
