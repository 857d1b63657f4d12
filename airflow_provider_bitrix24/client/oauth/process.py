"""What the threads and coroutines of one process share of an application's tokens, and the lock of the machine.

Locks are taken without waiting: the flow that wants one asks again after a while, so that neither a thread of an event
loop's pool nor the loop itself stands still.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.locks import ThreadsLock
from airflow_provider_bitrix24.client.stores.file_directory import default_directory, open_file

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_bitrix24.client.errors import Bitrix24Error
    from airflow_provider_bitrix24.client.oauth.pair import Pair

_REMEMBERED = 4


@dataclass(slots=True)
class ProcessTokens:
    """One application's tokens in this process.

    :param pair: the newest pair that this process knows.
    :param proven: fingerprint of a pair that the portal has accepted.
    :param own: fingerprint of the last pair that this process has got by a refresh.
    :param lost: fingerprint of a pair that is worth nothing any more, and the error that says so.
    :param recent: the last pairs: an answer that comes late may repeat a token that has been replaced meanwhile.
    :param unstored: a pair that could not be stored, and the fingerprint of the one that it replaces.
    """

    pair: Pair | None = None
    proven: str = ""
    own: str = ""
    lost: tuple[str, Bitrix24Error] | None = None
    unstored: tuple[str, Pair] | None = None
    recent: tuple[Pair, ...] = ()
    refreshing: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def remember(self, pair: Pair) -> None:
        """Note that a pair is in use."""
        if pair not in self.recent:
            self.recent = (pair, *self.recent[: _REMEMBERED - 1])


class MachineLock:
    """A lock among the processes of this machine; the kernel frees it when its process dies.

    :param name: holds no secret.
    :param directory: where lock files lie; by default that of the file store.
    """

    def __init__(self, name: str, directory: Path | None = None) -> None:
        digest = hashlib.sha256(name.encode()).hexdigest()[:24]
        self._directory = directory or default_directory()
        self._name = f"{digest}.token-lock"
        self._file: int | None = None
        self._given_up = False
        self._decision = threading.Lock()

    def acquire(self) -> bool | OSError:
        """Try to take the lock. Returns whether this process has it, or why the file cannot be used.

        After :meth:`release` it is not taken any more: a thread that was asked by a coroutine that is cancelled since
        would take it for nobody.
        """
        try:
            file = open_file(self._directory, self._name)
        except OSError as error:
            return error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(file)
            return False if isinstance(error, BlockingIOError) else error
        with self._decision:
            if not self._given_up:
                self._file = file
                return True
        os.close(file)
        return False

    def release(self) -> None:
        """Free the lock, if it is held, and give it up."""
        with self._decision:
            file, self._file, self._given_up = self._file, None, True
        if file is not None:
            os.close(file)


_TOKENS: dict[str, ProcessTokens] = {}
_GUARD = ThreadsLock()


def process_tokens(identity: str) -> ProcessTokens:
    """What this process knows of the tokens that a store of this identity keeps."""
    with _GUARD:
        return _TOKENS.setdefault(identity, ProcessTokens())


def _forget_locks() -> None:
    # A fork copies locks that another thread held; nobody would ever free them.
    for tokens in _TOKENS.values():
        tokens.refreshing = threading.Lock()


os.register_at_fork(after_in_child=_forget_locks)
