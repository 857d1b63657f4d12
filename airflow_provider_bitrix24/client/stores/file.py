"""A store in files: all processes of a machine that use the same directory share its states.

The portal counts requests per source address, so by default all processes of a machine share one small file per
portal. Containers of one host can share the directory by a mount. Hosts share no files: divide
``requests_per_second`` among them, or give the client a store of your own.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import tempfile
import time
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_bitrix24.client.errors import SharedStoreError
from airflow_provider_bitrix24.client.stores.process import ProcessStore
from airflow_provider_bitrix24.client.stores.record import MAX_SIZE, apply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_bitrix24.client.stores.protocol import JsonValue

T = TypeVar("T")
LOG = logging.getLogger("airflow_provider_bitrix24.client")
LOCK_PATIENCE = 5.0
"""Seconds after which the store gives up on a locked file. A lock is normally held for microseconds."""
_LOCK_STEP = 0.001
"""Seconds between two attempts to lock a file."""
_PADDING = b" \0"
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
    """States in files of one directory, shared by all processes and users of this machine.

    The kernel drops the lock of a process that dies. Times are of the monotonic clock and belong to one boot, so
    that neither a jumping wall clock nor a reboot can stop a process. Where the file cannot be used, this process
    continues with states of its own and logs one warning.

    :param directory: created if it is missing; by default one for all users under the system's temporary directory.
    :param clock: monotonic seconds.
    :param sleep: waits for some seconds.
    :param boot_id: 16 bytes that differ after a reboot.
    """

    def __init__(
        self,
        directory: Path | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        boot_id: Callable[[], bytes] = read_boot_id,
    ) -> None:
        self._directory = directory or default_directory()
        self._clock, self._sleep, self._boot_id = clock, sleep, boot_id
        self._alone = ProcessStore(clock)
        self._warned = False

    def update(self, key: str, change: Callable[[JsonValue, float], tuple[JsonValue, T]]) -> T:
        """See :meth:`~.protocol.SharedStore.update`."""
        boot = self._boot_id().hex().encode()
        try:
            with self._locked(key) as file:
                text, answer = apply(_read(file, boot), self._clock(), change)
                _write(file, boot, text.encode())
                return answer
        except (OSError, SharedStoreError) as error:
            if not self._warned:
                self._warned = True
                LOG.warning(
                    "The request limit is not shared with other processes of this machine: %s (%s). Name a directory "
                    "that all of them may write.",
                    self._directory,
                    (isinstance(error, OSError) and error.strerror) or error,
                )
        return self._alone.update(key, change)

    @contextmanager
    def _locked(self, key: str) -> Iterator[int]:
        file = self._open(self._directory / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.json")
        try:
            self._lock(file)
            yield file
        finally:
            os.close(file)

    def _lock(self, file: int) -> None:
        deadline = self._clock() + LOCK_PATIENCE
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if self._clock() > deadline:
                    raise
                self._sleep(_LOCK_STEP)
            else:
                return

    def _open(self, path: Path) -> int:
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            return os.open(path, flags)
        except FileNotFoundError:
            _make_directory(self._directory)
        try:
            # Exclusively, since the kernel refuses to create over another user's file in a shared directory.
            file = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            return os.open(path, flags)
        os.fchmod(file, 0o666)
        return file


def default_directory() -> Path:
    """The directory that all users of this machine share."""
    shared = Path("/tmp")  # noqa: S108 - its files hold no secret and are opened without following links
    root = shared if os.access(shared, os.W_OK) else Path(tempfile.gettempdir())
    return root / "airflow-provider-bitrix24"


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(parents=True)
        directory.chmod(0o1777)
    except FileExistsError:
        pass


def _read(file: int, boot: bytes) -> bytes | None:
    data = os.pread(file, MAX_SIZE + len(boot) + 2, 0)
    written, _, text = data.rstrip(_PADDING).partition(b"\n")
    return text if written == boot else None


def _write(file: int, boot: bytes, text: bytes) -> None:
    data, before = b"%s\n%s" % (boot, text), os.fstat(file).st_size
    if len(data) > before:
        os.posix_fallocate(file, 0, len(data))  # so that a full disk damages nothing
    os.pwrite(file, data.ljust(min(before, MAX_SIZE)), 0)  # whoever dies before the next line leaves only spaces
    os.ftruncate(file, len(data))
