"""Where the state of buckets is kept, so that everything which shares an address takes from one bucket.

The portal counts requests per source address, so by default all processes of a machine share one small file
per portal. Containers of one host can share it by a mount; hosts share no files: there, divide
``requests_per_second``, or offer another place with the two methods of :class:`PacingStore`. How much may be
taken is decided in :mod:`.pacing`.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import struct
import tempfile
import threading
import time
import zlib
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from functools import cache
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from airflow_provider_bitrix24.client.limits.bucket import (
    BucketState,
    CostState,
    Grant,
    LeakyBucket,
    SharedCost,
    share_cost,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    State = tuple[float, ...]
    """A few numbers; an empty tuple where nothing is kept yet."""

T = TypeVar("T")
LOG = logging.getLogger("airflow_provider_bitrix24.client")


class PacingStore(Protocol):
    """Small states by key, shared by all who use the same store."""

    def now(self) -> float:
        """Seconds of a clock that all sharers agree on and that never jumps."""

    def update(self, key: str, change: Callable[[State], tuple[State, T]]) -> T:
        """Replace the state under ``key`` by what ``change`` makes of it, in one step; return its second value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pacer:
    """One portal's shared states: its bucket, if it has a limit, and what its commands cost."""

    store: PacingStore
    key: str
    bucket: LeakyBucket | None

    def acquire(self, want: int, refused: int) -> Grant:
        """Report refusals and take tokens; see :meth:`.pacing.LeakyBucket.acquire`."""
        bucket = self.bucket
        if bucket is None:
            return Grant(want, 0.0)

        def change(kept: State) -> tuple[State, Grant]:
            now = self.store.now()
            state = BucketState(*kept) if _usable(kept, BucketState) else BucketState(at=now)
            for _ in range(refused):
                state = bucket.refused(state, now)
            state, grant = bucket.acquire(state, now, want)
            return astuple(state), grant

        return self.store.update(self.key, change)

    def share_cost(self, name: str, measured: float | None) -> SharedCost:
        """Exchange what a command costs with the other processes; see :func:`.pacing.share_cost`."""

        def change(kept: State) -> tuple[State, SharedCost]:
            state = CostState(*kept) if _usable(kept, CostState) else CostState()
            state, shared = share_cost(state, self.store.now(), measured)
            return astuple(state), shared

        return self.store.update(f"{self.key} cost {name}", change)


def _usable(kept: State, kind: type[BucketState | CostState]) -> bool:
    # Another version of this package may have kept another state, and anybody on the machine may write the file.
    return len(kept) == len(fields(kind)) and all(map(isfinite, kept)) and (kind is CostState or kept[2] > 0)


class ProcessStore:
    """States of this process only, shared by its threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._states: dict[str, State] = {}

    def now(self) -> float:
        """Seconds of this machine's monotonic clock."""
        return self._clock()

    def update(self, key: str, change: Callable[[State], tuple[State, T]]) -> T:
        """See :meth:`PacingStore.update`."""
        with self._lock:
            self._states[key], answer = change(self._states.get(key, ()))
        return answer


LOCK_PATIENCE = 5.0
"""Seconds after which a file that somebody keeps locked is given up. It is held for microseconds."""
_BOOT = struct.Struct("!16sB")
_CHECK = struct.Struct("!I")


class FileStore:
    """States in files of one directory, shared by all processes and users of this machine.

    The kernel drops the lock of a process that dies. Times are of the monotonic clock and belong to one boot, so
    that neither a jumping wall clock nor a reboot can stop anybody. Where the file cannot be used, this process
    goes on with a bucket of its own and says so once.

    :param directory: created if it is missing; by default one for all users under the system's temporary directory.
    """

    def __init__(self, directory: Path | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._directory = directory or default_directory()
        self._clock = clock
        self._alone = ProcessStore(clock)
        self._warned = False

    def now(self) -> float:
        """Seconds of this machine's monotonic clock, which all its processes share."""
        return self._clock()

    def update(self, key: str, change: Callable[[State], tuple[State, T]]) -> T:
        """See :meth:`PacingStore.update`."""
        try:
            with self._locked(key) as file:
                state, answer = change(_read(file))
                _write(file, state)
                return answer
        except OSError as error:
            if not self._warned:
                self._warned = True
                LOG.warning(
                    "The request limit is not shared with other processes of this machine: %s (%s). Name a directory "
                    "that all of them may write.",
                    self._directory,
                    error.strerror or error,
                )
        return self._alone.update(key, change)

    @contextmanager
    def _locked(self, key: str) -> Iterator[int]:
        file = self._open(self._directory / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.state")
        try:
            _lock(file)
            yield file
        finally:
            os.close(file)

    def _open(self, path: Path) -> int:
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            return os.open(path, flags)
        except FileNotFoundError:
            _make_directory(self._directory)
        try:
            # Exclusively, since the kernel lets nobody create over another user's file in a shared directory.
            file = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            return os.open(path, flags)
        os.fchmod(file, 0o666)
        return file


def default_directory() -> Path:
    """One directory for all users of this machine."""
    shared = Path("/tmp")  # noqa: S108 - the files in it hold no secret and are opened without following links
    root = shared if os.access(shared, os.W_OK) else Path(tempfile.gettempdir())
    return root / "airflow-provider-bitrix24"


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(parents=True)
        directory.chmod(0o1777)
    except FileExistsError:
        pass


def _lock(file: int) -> None:
    deadline = time.monotonic() + LOCK_PATIENCE
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.001)
        else:
            return


@cache
def _boot() -> bytes:
    try:
        text = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    except OSError:
        text = ""  # elsewhere than on Linux, a time in the future tells of a reboot
    return hashlib.sha256(text.encode()).digest()[:16]


def _read(file: int) -> State:
    data = os.pread(file, 4096, 0)
    if len(data) < _BOOT.size + _CHECK.size:
        return ()
    body, [check] = data[: -_CHECK.size], _CHECK.unpack(data[-_CHECK.size :])
    boot, count = _BOOT.unpack(body[: _BOOT.size])
    numbers = struct.Struct(f"!{count}d")
    if check != zlib.crc32(body) or boot != _boot() or len(body) != _BOOT.size + numbers.size:
        return ()
    return numbers.unpack(body[_BOOT.size :])


def _write(file: int, state: State) -> None:
    body = _BOOT.pack(_boot(), len(state)) + struct.pack(f"!{len(state)}d", *state)
    data = body + _CHECK.pack(zlib.crc32(body))
    os.pwrite(file, data, 0)
    os.ftruncate(file, len(data))


PROCESS_STORE = ProcessStore()
"""States of this process."""
