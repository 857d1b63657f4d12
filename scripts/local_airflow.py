"""A real Airflow on this machine for a while: SQLite, free loopback ports, no login, nothing of the user's own.

It is the Airflow of the Python that runs this: 2.11 or 3.x.
"""

from __future__ import annotations

import base64
import contextlib
import os
import sys
import urllib.error
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import psutil

from scripts import processes
from scripts.environments import clean_variables
from scripts.json_http import ask
from scripts.processes import wait_for

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Mapping

AIRFLOW_VERSION = tuple(int(part) for part in version("apache-airflow").split(".")[:2])
IS_3 = AIRFLOW_VERSION >= (3, 0)
_START = 240.0
"""Seconds that all parts of Airflow may take to start."""
_PARSED = 90.0
"""Seconds after which a new DAG file has been parsed."""


class AirflowFailed(RuntimeError):
    """Airflow ended, or did not do in time what was asked; the message holds the end of its log."""


class LocalAirflow:
    """``airflow standalone`` with a home of its own; as a context manager it is started and stopped.

    :param home: a folder to use as ``AIRFLOW_HOME``; made if it is not there.
    :param dags: the folder of the DAG files.
    :param env: environment variables to add, such as ``AIRFLOW_CONN_BITRIX24_DEFAULT``.
    :param alive: called often while something takes long.
    """

    def __init__(
        self,
        home: Path,
        dags: Path,
        *,
        env: Mapping[str, str] | None = None,
        alive: Callable[[], object] | None = None,
    ) -> None:
        self.home = home
        self.log = home / "airflow.log"
        self.process: subprocess.Popen[str] | None = None
        self._identity: processes.Identity | None = None
        self._alive = alive
        port, *log_ports = processes.free_ports(3)
        self.url = f"http://127.0.0.1:{port}"
        self.env = {**_settings(home, dags, port, log_ports), **(env or {})}
        home.mkdir(parents=True, exist_ok=True)

    # -- life

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def run(self, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start a command of Airflow's, such as ``"db", "migrate"``; its output goes to the log.

        :param env: environment variables to add.
        """
        command = [sys.executable, "-m", "airflow", *arguments]
        return processes.start(command, env={**self.env, **(env or {})}, log=self.log, cwd=self.home)

    def start(self) -> None:
        """Start scheduler, triggerer, DAG processor and API server, and wait until they are healthy.

        :raises AirflowFailed: it ended, or time is up.
        """
        self.process = self.run("standalone")
        self._identity = processes.identify(self.process.pid)
        try:
            self._until(self._is_healthy, _START, "Airflow is not up")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop it with everything that it started."""
        process, self.process = self.process, None
        if process is not None:
            processes.stop(process)

    def find_processes(self, command: str = "") -> list[psutil.Process]:
        """Its processes whose command line contains a text."""
        found = [] if self._identity is None else processes.family(self._identity)
        return sorted((each for each in found if command in command_line(each)), key=lambda each: each.pid)

    def _is_healthy(self) -> bool:
        parts = ("metadatabase", "scheduler", "triggerer", *(["dag_processor"] if IS_3 else []))
        try:
            health = ask(f"{self.url}/api/v2/monitor/health" if IS_3 else f"{self.url}/api/v1/health")
        except (OSError, ValueError):
            return False
        return all((health.get(part) or {}).get("status") == "healthy" for part in parts)

    def _until(self, condition: Callable[[], Any], seconds: float, problem: str) -> Any:
        def checked() -> Any:
            if self.process is not None and self.process.poll() is not None:
                raise AirflowFailed(f"Airflow ended with status {self.process.returncode}.\n{self.log_tail()}")
            return condition()

        try:
            return wait_for(checked, seconds=seconds, why=problem, alive=self._alive)
        except TimeoutError as error:
            raise AirflowFailed(f"{error}\n{self.log_tail()}") from None

    # -- REST API

    def api(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Call the REST API, v2 on Airflow 3 and v1 on 2.11; returns JSON.

        :raises OSError: it does not answer, or answers with an error.
        """
        return ask(f"{self.url}/api/{'v2' if IS_3 else 'v1'}{path}", body, method=method, headers=self._authorization())

    def _authorization(self) -> dict[str, str]:
        if IS_3:
            return {}
        password = (self.home / "standalone_admin_password.txt").read_text()
        return {"Authorization": f"Basic {base64.b64encode(f'admin:{password}'.encode()).decode()}"}

    def wait_for_dag(self, dag_id: str) -> None:
        """Wait until the DAG file is parsed.

        :raises AirflowFailed: time is up.
        """

        def known() -> bool:
            try:
                return bool(self.api("GET", f"/dags/{dag_id}")["dag_id"])
            except urllib.error.HTTPError:
                return False

        self._until(known, _PARSED, f"Airflow does not know the DAG {dag_id}")

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None) -> str:
        """Start a run; returns its id."""
        self.wait_for_dag(dag_id)
        body: dict[str, Any] = {"conf": conf or {}} | ({"logical_date": None} if IS_3 else {})
        return str(self.api("POST", f"/dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def state(self, dag_id: str, run_id: str) -> str:
        """State of a run, such as ``success``."""
        return str(self.api("GET", f"/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def wait_for_run(self, dag_id: str, run_id: str, *, seconds: float = 180.0) -> str:
        """Wait for the run's end; returns its state.

        :raises AirflowFailed: time is up.
        """

        def ended() -> str | None:
            state = self.state(dag_id, run_id)
            return state if state in ("success", "failed") else None

        return str(self._until(ended, seconds, f"The run of {dag_id} has not ended"))

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return the run's task instances as the API shows them."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances?limit=1000"
        return list(self.api("GET", path)["task_instances"])

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value") -> Any:
        """Return what a task has pushed."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        return self.api("GET", f"{path}?deserialize=true&stringify=false")["value"]

    # -- logs

    def logs(self, dag_id: str) -> str:
        """Everything that the tasks of a DAG have logged."""
        return "\n".join(
            path.read_text(errors="replace")
            for path in sorted((self.home / "logs").rglob("*.log"))
            if f"dag_id={dag_id}" in str(path)
        )

    def log_tail(self, lines: int = 30) -> str:
        """Return the end of Airflow's own log."""
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        return ""


def command_line(process: psutil.Process) -> str:
    """The command line of a process as one text, empty if it has ended."""
    with contextlib.suppress(psutil.Error):
        return " ".join(process.cmdline()).strip()
    return ""


def _settings(home: Path, dags: Path, port: int, log_ports: list[int]) -> dict[str, str]:
    variables = clean_variables()
    return {
        **variables,
        # Airflow starts its parts as "airflow" from the PATH.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{variables.get('PATH', '')}",
        "AIRFLOW_HOME": str(home),
        # A port is used again, and the bucket of its last portal may be full.
        "AIRFLOW__BITRIX24__SHARED_STORE_DIRECTORY": str(home / "pacing"),
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        # SQLite takes one writer at a time; with many it gives up.
        "AIRFLOW__CORE__PARALLELISM": "3",
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(log_ports[1]),
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(log_ports[0]),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        **(_settings_of_3(port) if IS_3 else _settings_of_2(port)),
    }


def _settings_of_3(port: int) -> dict[str, str]:
    url = f"http://127.0.0.1:{port}"
    return {
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
    }


def _settings_of_2(port: int) -> dict[str, str]:
    return {
        "AIRFLOW__API__AUTH_BACKENDS": "airflow.api.auth.backend.basic_auth,airflow.api.auth.backend.session",
        "AIRFLOW__FAB__AUTH_RATE_LIMITED": "False",  # each test of a page logs in
        "AIRFLOW__SCHEDULER__DAG_DIR_LIST_INTERVAL": "5",
        "AIRFLOW__WEBSERVER__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__WEBSERVER__WEB_SERVER_HOST": "127.0.0.1",
        "AIRFLOW__WEBSERVER__WEB_SERVER_PORT": str(port),
        "AIRFLOW__WEBSERVER__WORKERS": "1",
    }
