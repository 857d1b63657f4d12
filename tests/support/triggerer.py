"""Triggerers that die: killing the one of a running Airflow, and starting another in its place."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from scripts import processes
from scripts.processes import is_running, wait_for

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from scripts.local_airflow import LocalAirflow

SOON = {"AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "8", "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "2"}
"""Lets another triggerer take over a few seconds after one has died, instead of half a minute."""


def kill(airflow: LocalAirflow) -> None:
    """Kill the triggerer with SIGKILL; what it leaves behind has to end by itself."""
    family = airflow.find_processes("airflow triggerer")
    pids = {each.pid for each in family}
    [head] = [each for each in family if each.ppid() not in pids]
    head.kill()
    wait_for(lambda: not any(map(is_running, family)), seconds=30, why="parts of the triggerer did not end")


@contextmanager
def another(airflow: LocalAirflow) -> Iterator[subprocess.Popen[str]]:
    """Run ``airflow triggerer`` beside an Airflow whose own one was killed."""
    process = airflow.run("triggerer")
    try:
        yield process
    finally:
        processes.stop(process)
