"""The directory in which all users of a machine keep the files that their processes share.

Anybody may write there, so nothing in it is trusted: no link is followed that another user could have made.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from pathlib import Path

_FLAGS = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_DIRECTORY = os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY
_ROOT = 0


def default_directory() -> Path:
    """The directory that all users of this machine share."""
    shared = Path("/tmp")  # noqa: S108 - its files hold no secret and are opened without following links
    root = shared if os.access(shared, os.W_OK) else Path(tempfile.gettempdir())
    return root / "airflow-provider-bitrix24"


def open_file(directory: Path, name: str) -> int:
    """Open a file for reading and writing, and create it and its directory if they are missing.

    :returns: a file descriptor.
    :raises OSError: it cannot be used, or it is a link to elsewhere.
    """
    folder = _open_directory(directory)
    try:
        file = _open_in(folder, name)
    finally:
        os.close(folder)
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        os.close(file)
        raise OSError(errno.ELOOP, f"{name} is a link or not a regular file")
    return file


def _open_directory(directory: Path) -> int:
    try:
        return os.open(directory, _DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:
        _make(directory)
        return os.open(directory, _DIRECTORY | os.O_NOFOLLOW)
    except NotADirectoryError:
        if not directory.is_symlink():
            raise
    if os.lstat(directory).st_uid not in (_ROOT, os.geteuid()):
        raise OSError(errno.ELOOP, "the directory is a link that another user has made")
    return os.open(directory, _DIRECTORY)


def _make(directory: Path) -> None:
    try:
        directory.mkdir(parents=True)
        directory.chmod(0o1777)
    except FileExistsError:
        pass


def _open_in(folder: int, name: str) -> int:
    try:
        return os.open(name, _FLAGS, dir_fd=folder)
    except FileNotFoundError:
        pass
    try:
        # Exclusively, since the kernel refuses to create over another user's file in a shared directory.
        file = os.open(name, _FLAGS | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=folder)
    except FileExistsError:
        return os.open(name, _FLAGS, dir_fd=folder)
    os.fchmod(file, 0o666)
    return file
