"""Airflow's database, which takes seconds to make: once for all processes that run tests together."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

_NAME = "airflow.db"


def put_into(home: Path, folders: pytest.TempPathFactory) -> None:
    """Make it in a process of its own, since what migrations import is not under test; or copy it from another process.

    :param folders: whose folder, where tests run in several processes, lies in one of all of them.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ:
        _make()
        return
    of_all = folders.getbasetemp().parent
    with Path(of_all, f"{_NAME}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not Path(of_all, _NAME).exists():
            _make()
            shutil.copy(home / _NAME, of_all / f"{_NAME}.made")
            Path(of_all, f"{_NAME}.made").rename(of_all / _NAME)
    shutil.copy(of_all / _NAME, home)


def _make() -> None:
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, capture_output=True)
