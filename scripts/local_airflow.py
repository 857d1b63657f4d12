"""A real Airflow 3 on this machine for a while: SQLite, free loopback ports, no login, nothing of the user's own.

The demo runs it. Standard library only: the demo's own Python has no Airflow.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import processes
from environment import clean_variables

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Mapping
    from pathlib import Path

_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_POLL = 0.5
_REQUEST_TIMEOUT = 30
"""Seconds."""


class AirflowFailed(RuntimeError):
    """Airflow ended, or did not do in time what was asked; the message holds the end of its log."""


class LocalAirflow:
    """An Airflow of its own home.

    :param python: the Python of an environment that has Airflow.
    :param home: a folder to use as ``AIRFLOW_HOME``; made if it is not there.
    :param dags: the folder of the DAG files.
    :param variables: environment variables to add, such as ``AIRFLOW_CONN_BITRIX24_DEFAULT``.
    """

    def __init__(self, python: Path, home: Path, dags: Path, variables: Mapping[str, str] | None = None) -> None:
        self.home = home
        self.log = home / "airflow.log"
        self.process: subprocess.Popen[str] | None = None
        self._python = python
        self.port, *log_ports = processes.free_ports(3)
        self.url = f"http://127.0.0.1:{self.port}"
        home.mkdir(parents=True, exist_ok=True)
        self.environment = {**_environment(python, home, dags, self.url, self.port, log_ports), **(variables or {})}

    def run(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command of Airflow's, such as ``"db", "migrate"``; its output goes to the log."""
        return processes.start(
            [str(self._python), "-m", "airflow", *arguments], env=self.environment, log=self.log, cwd=self.home
        )

    def start(self) -> None:
        """Start scheduler, triggerer, DAG processor and API server; :meth:`wait_until_up` says when they are up."""
        self.process = self.run("standalone")

    def stop(self) -> None:
        """Stop it with all that it started."""
        process, self.process = self.process, None
        if process is not None:
            processes.stop(process)

    def wait_until_up(self, timeout: float = 180.0, alive: Callable[[], None] = lambda: None) -> None:
        """Wait until all four parts are healthy.

        :raises AirflowFailed: it ended, or time is up.
        """

        def healthy() -> bool:
            try:
                health = self.api("monitor/health")
            except (OSError, ValueError):
                return False
            parts = ("metadatabase", "scheduler", "triggerer", "dag_processor")
            return all((health.get(part) or {}).get("status") == "healthy" for part in parts)

        self._until(healthy, timeout, "Airflow is not up", alive)

    def run_dag(self, dag_id: str, timeout: float = 180.0, alive: Callable[[], None] = lambda: None) -> str:
        """Let the scheduler run a DAG; returns the run's id when it has ended, however it ended.

        :raises AirflowFailed: the DAG was not found, or the run did not end in time.
        """

        def known() -> bool:
            try:
                return bool(self.api(f"dags/{dag_id}"))
            except urllib.error.HTTPError:
                return False

        self._until(known, timeout, f"Airflow does not know the DAG {dag_id}", alive)
        self.api(f"dags/{dag_id}", {"is_paused": False}, method="PATCH")
        run_id = str(self.api(f"dags/{dag_id}/dagRuns", {"logical_date": None})["dag_run_id"])
        self._until(
            lambda: self.run_state(dag_id, run_id) in ("success", "failed"),
            timeout,
            f"The run of {dag_id} has not ended",
            alive,
        )
        return run_id

    def run_state(self, dag_id: str, run_id: str) -> str:
        """State of a run, such as ``success``."""
        return str(self.api(f"dags/{dag_id}/dagRuns/{run_id}")["state"])

    def api(self, path: str, body: Mapping[str, Any] | None = None, *, method: str | None = None) -> Any:
        """Call Airflow's REST API; with a body it is a POST.

        :raises OSError: it does not answer, or answers with an error.
        """
        request = urllib.request.Request(
            f"{self.url}/api/v2/{path}",
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json", "Accept": "application/json"},
            method=method,
        )
        with _NO_PROXY.open(request, timeout=_REQUEST_TIMEOUT) as response:
            text = response.read()
        return json.loads(text) if text else None

    def log_tail(self, lines: int = 30) -> str:
        """Return the end of Airflow's own log."""
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        return ""

    def _until(self, condition: Callable[[], bool], timeout: float, problem: str, alive: Callable[[], None]) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            alive()
            if self.process is not None and self.process.poll() is not None:
                raise AirflowFailed(f"Airflow ended with status {self.process.returncode}.\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise AirflowFailed(f"{problem} after {timeout:.0f} s.\n{self.log_tail()}")
            time.sleep(_POLL)


def _environment(python: Path, home: Path, dags: Path, url: str, port: int, log_ports: list[int]) -> dict[str, str]:
    variables = clean_variables()
    return {
        **variables,
        # Airflow starts its parts as "airflow" from the PATH.
        "PATH": f"{python.parent}{os.pathsep}{variables.get('PATH', '')}",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        # SQLite takes one writer at a time; with many it gives up.
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(log_ports[1]),
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(log_ports[0]),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }
