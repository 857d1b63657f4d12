"""A store in files: all processes of a machine that use the same directory share its values.

The portal counts requests per source address, so by default all processes of a machine share one small file per
portal. Containers of one host can share the directory by a mount. Hosts share no files: give them Redis or a database.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import time
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from random import random
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_bitrix24.client.clock import SYSTEM_CLOCK
from airflow_provider_bitrix24.client.errors import SharedStoreError
from airflow_provider_bitrix24.client.stores.deadline import BoundedCall
from airflow_provider_bitrix24.client.stores.file_directory import default_directory, open_file
from airflow_provider_bitrix24.client.stores.record import MAX_SIZE, MOST_ENTRIES, apply, peek

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_bitrix24.client.clock import Clock
    from airflow_provider_bitrix24.client.stores.protocol import JsonValue

T = TypeVar("T")
LOCK_PATIENCE = 1.0
"""Seconds after which the store gives up on a locked file. A lock is normally held for microseconds."""
_PAUSES = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064)
"""Seconds between the attempts before a process queues up: mostly a lock is free again before a thread can start."""
_SUFFIX = ".json"
_PADDING = b" \0"
_NOT_OURS = frozenset({errno.ELOOP, errno.EISDIR, errno.ENXIO, errno.EACCES, errno.EPERM})
"""What opening something raises that is not a file, or that its owner keeps to himself."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@cache
def read_boot_id(path: Path = _BOOT_ID) -> bytes:
    """16 bytes that differ after a reboot, where the system offers them."""
    try:
        text = path.read_text(encoding="ascii")
    except OSError:
        text = ""  # not Linux: a time in the future shows that the machine was rebooted
    return hashlib.sha256(text.encode()).digest()[:16]


class FileStore:
    """Values in files of one directory, shared by all processes and users of this machine.

    The kernel drops the lock of a process that dies. Times are of the monotonic clock and belong to one boot, so
    that neither a jumping wall clock nor a reboot can stop a process.

    :param directory: created if it is missing; by default one for all users under the system's temporary directory.
    :param clock: monotonic seconds.
    :param boot_id: 16 bytes that differ after a reboot.
    :param patience: seconds for which a file that another process has locked is waited for.
    """

    def __init__(
        self,
        directory: Path | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        boot_id: Callable[[], bytes] = read_boot_id,
        patience: float = LOCK_PATIENCE,
    ) -> None:
        self.directory = directory or default_directory()
        self._clock, self._boot_id, self._patience = clock, boot_id, patience
        self._waiting: dict[str, BoundedCall[Any]] = {}

    def __str__(self) -> str:
        return f"files in {self.directory}"

    def update(self, key: str, change: Callable[[JsonValue, float], tuple[JsonValue, T]]) -> T:
        """See :meth:`~.protocol.SharedStore.update`."""
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
        name = f"{digest[:24]}{_SUFFIX}"
        with self._translated():
            file = open_file(self.directory, name)
            try:
                locked = self._lock_soon(file)
            except OSError:
                os.close(file)
                raise
        return self._use(file, change) if locked else self._wait(name, file, change)

    def entries(self) -> dict[str, JsonValue]:
        """Return what is kept, by the names of the files, which do not show the keys.

        :raises SharedStoreError: the directory cannot be read.
        """
        boot = self._boot_id().hex().encode()
        with self._translated():
            names = sorted(path.name for path in self.directory.glob(f"*{_SUFFIX}"))[:MOST_ENTRIES]
            return {name.removesuffix(_SUFFIX): self._peek(name, boot) for name in names}

    def clock(self) -> float:
        """Return the time of this store: seconds since the machine's start, or so."""
        return self._clock()

    def _peek(self, name: str, boot: bytes) -> JsonValue:
        try:
            file = open_file(self.directory, name)
        except OSError as error:
            if error.errno in _NOT_OURS:
                return None  # anybody may put something there, which must not hide the files
            raise
        try:
            return peek(_read(file, boot))
        finally:
            os.close(file)

    def _lock_soon(self, file: int) -> bool:
        """Lock a file that is free, or will be in a moment."""
        for pause in (0.0, *_PAUSES):
            if pause > self._patience:
                break
            time.sleep(pause * (0.5 + random()))  # noqa: S311 - so that those who wait do not meet again
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            return True
        return False

    def _wait(self, name: str, file: int, change: Callable[[JsonValue, float], tuple[JsonValue, T]]) -> T:
        """Wait for the lock in the kernel's queue, in a thread: a file lock has no time-out."""

        def lock_and_use(call: BoundedCall[T]) -> T:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not call.claim():
                _release(file)
                raise TimeoutError
            return self._use(file, change)

        earlier = self._waiting.get(name)
        if earlier is not None and earlier.given_up and earlier.running:
            os.close(file)
            raise self._unusable("another process still keeps the file locked")
        call: BoundedCall[T] = BoundedCall(lock_and_use)
        self._waiting[name] = call
        try:
            return call.wait(self._patience)
        except TimeoutError:
            raise self._unusable(f"another process has kept the file locked for {self._patience:g} s") from None

    def _use(self, file: int, change: Callable[[JsonValue, float], tuple[JsonValue, T]]) -> T:
        boot = self._boot_id().hex().encode()
        try:
            with self._translated():
                kept = _read(file, boot)
            text, answer = apply(kept, self._clock(), change)
            with self._translated():
                _write(file, boot, text.encode())
            return answer
        finally:
            _release(file)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._unusable(error.strerror or str(error)) from None

    def _unusable(self, reason: str) -> SharedStoreError:
        return SharedStoreError(
            f"The files in {self.directory} cannot be used: {reason}.",
            hint="Every process that talks to Bitrix24 needs to write there.",
        )


@cache
def _file_store(directory: Path | None) -> FileStore:
    return FileStore(directory)


def file_store(directory: str | None, clock: Clock) -> FileStore:
    """Return the store of a directory, which is one for the whole process where time is the machine's own."""
    path = None if directory is None else Path(directory)
    return _file_store(path) if clock is SYSTEM_CLOCK else FileStore(path, clock=clock.monotonic)


def _release(file: int) -> None:
    try:
        # A child that was forked meanwhile has the file open, too, and would keep the lock.
        fcntl.flock(file, fcntl.LOCK_UN)
    finally:
        os.close(file)


def _read(file: int, boot: bytes) -> bytes | None:
    data = os.pread(file, MAX_SIZE + len(boot) + 2, 0)
    written, _, text = data.rstrip(_PADDING).partition(b"\n")
    return text if written == boot else None


def _write(file: int, boot: bytes, text: bytes) -> None:
    data, before = b"%s\n%s" % (boot, text), os.fstat(file).st_size
    if len(data) > before:
        _pwrite(file, bytes(len(data) - before), before)  # where the disk is full, this damages nothing
    _pwrite(file, data.ljust(min(before, MAX_SIZE)), 0)  # a process that dies before the next line leaves only spaces
    os.ftruncate(file, len(data))


def _pwrite(file: int, data: bytes, offset: int) -> None:
    if os.pwrite(file, data, offset) < len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
