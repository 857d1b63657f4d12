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


def provide(folders: pytest.TempPathFactory) -> None:
    """Make it in a process of its own, since what migrations import is not under test; or copy that of another process.

    :param folders: of this process; where there are several, each has one in a folder that they share.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ:
        _make()
        return
    mine, shared = Path(os.environ["AIRFLOW_HOME"], _NAME), folders.getbasetemp().parent / _NAME
    with shared.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if shared.exists():
            shutil.copy(shared, mine)
        else:
            _make()
            shutil.copy(mine, shared)


def _make() -> None:
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, capture_output=True)
