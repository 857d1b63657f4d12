"""Triggerers that die: killing the one of a running Airflow, and starting another in its place."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Self

from airflow_process import alive, parent_of, wait_for

if TYPE_CHECKING:
    from airflow_process import AirflowProcess

SOON = {"AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "8", "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "2"}
"""Lets another triggerer take over a few seconds after one has died, instead of half a minute."""


def triggerer_of(airflow: AirflowProcess) -> int:
    """The process that the others of the triggerer descend from."""
    pids = airflow.pids(command="airflow triggerer")
    return next(pid for pid in pids if parent_of(pid) not in pids)


def kill(airflow: AirflowProcess) -> None:
    """Kill the triggerer with SIGKILL; what it leaves behind has to end by itself."""
    pids = airflow.pids(command="airflow triggerer")
    os.kill(triggerer_of(airflow), signal.SIGKILL)
    wait_for(lambda: not any(alive(pid) for pid in pids), seconds=30, why="parts of the triggerer went on")


class Triggerer:
    """``airflow triggerer`` beside an Airflow whose own one was killed."""

    def __init__(self, airflow: AirflowProcess) -> None:
        self._airflow = airflow

    def __enter__(self) -> Self:
        with (self._airflow.home / "triggerer.log").open("ab") as log:
            self._process = subprocess.Popen(
                ["env", "--default-signal=INT", sys.executable, "-m", "airflow", "triggerer"],
                cwd=self._airflow.home,
                env=self._airflow.env,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # it leaves its log server behind
