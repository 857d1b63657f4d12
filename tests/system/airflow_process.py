"""A real Airflow in processes of its own: scheduler, triggerer, DAG processor, API server, on loopback.

Works for 2.11 and 3.x, on SQLite or on PostgreSQL. Everything it starts ends with it.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

AIRFLOW_VERSION = tuple(int(part) for part in version("apache-airflow").split(".")[:2])
IS_3 = AIRFLOW_VERSION >= (3, 0)
START_PATIENCE = 240.0
STEP = 0.25


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what, *, seconds: float, why: str):
    """Ask again and again until the answer is true; a real process is concerned, so real time passes."""
    deadline = time.monotonic() + seconds
    while True:
        answer = what()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"{why} within {seconds:.0f} s")
        time.sleep(STEP)


def _processes() -> list[tuple[int, int, int]]:
    """(pid, parent, session) of all processes."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if fields[0] != "Z":
                    found.append((int(entry.name), int(fields[1]), int(fields[3])))
    return found


def parent_of(pid: int) -> int:
    return next(parent for each, parent, _ in _processes() if each == pid)


def alive(pid: int) -> bool:
    """A process that is dead but not yet waited for does nothing any more."""
    return any(each == pid for each, _, _ in _processes())


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


class AirflowProcess:
    """``airflow standalone`` with a temporary home.

    :param home: an empty directory.
    :param dags: the folder with the DAG files.
    :param env: more environment variables, such as connections and settings.
    """

    def __init__(self, home: Path, dags: Path, *, env: dict[str, str] | None = None) -> None:
        self.home, self.dags = home, dags
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = self._environment() | (env or {})
        self.log = home / "standalone.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._leader: int | None = None

    def _environment(self) -> dict[str, str]:
        bin_directory = str(Path(sys.executable).parent)
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
        return kept | {
            "PATH": f"{bin_directory}{os.pathsep}{os.environ['PATH']}",
            "AIRFLOW_HOME": str(self.home),
            # A port is used again, and the bucket of its last simulator may be full.
            "AIRFLOW__BITRIX24__PACING_DIRECTORY": str(self.home / "pacing"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__PARALLELISM": "3",  # more writers than that lock SQLite up
            "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
            **(self._environment_3() if IS_3 else self._environment_2()),
        }

    def _environment_3(self) -> dict[str, str]:
        return {
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
        }

    def _environment_2(self) -> dict[str, str]:
        return {
            "AIRFLOW__WEBSERVER__WEB_SERVER_HOST": "127.0.0.1",
            "AIRFLOW__WEBSERVER__WEB_SERVER_PORT": str(self.port),
            "AIRFLOW__WEBSERVER__BASE_URL": self.url,
            "AIRFLOW__WEBSERVER__WORKERS": "1",
            "AIRFLOW__FAB__AUTH_RATE_LIMITED": "False",  # each test of a page logs in
            "AIRFLOW__API__AUTH_BACKENDS": "airflow.api.auth.backend.basic_auth,airflow.api.auth.backend.session",
            "AIRFLOW__SCHEDULER__DAG_DIR_LIST_INTERVAL": "5",
            "AIRFLOW__SCHEDULER__SCHEDULER_ZOMBIE_TASK_THRESHOLD": "60",
            "AIRFLOW__SCHEDULER__ZOMBIE_DETECTION_INTERVAL": "5",
        }

    # -- life

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start all processes and wait until the API answers and the DAGs are known."""
        self.home.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            # SIGINT, which stops all of its children, must not be ignored, as it is in a background job.
            self._process = subprocess.Popen(
                ["env", "--default-signal=INT", sys.executable, "-m", "airflow", "standalone"],
                cwd=self.home,
                env=self.env,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._leader = self._process.pid
        try:
            wait_for(self._healthy, seconds=START_PATIENCE, why="Airflow did not start")
        except BaseException:
            print(self.log.read_text(errors="replace")[-4000:], file=sys.stderr)
            self.stop()
            raise

    def _healthy(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise RuntimeError(f"Airflow ended with {self._process.returncode}")
        path = "/api/v2/monitor/health" if IS_3 else "/api/v1/health"
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                health = json.load(answer)
        except (OSError, ValueError):
            return False
        return all(health.get(part, {}).get("status") == "healthy" for part in ("scheduler", "triggerer"))

    def stop(self) -> None:
        """End all processes, in the end by force."""
        process, self._process = self._process, None
        if process is None:
            return
        for sign, patience in ((signal.SIGINT, 30), (signal.SIGTERM, 5), (signal.SIGKILL, 10)):
            if process.poll() is None:
                process.send_signal(sign)
                try:
                    process.wait(patience)
                except subprocess.TimeoutExpired:
                    continue
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def pids(self, *, command: str = "") -> list[int]:
        """Processes of this Airflow whose command line has the text: of its session, or descended from it."""
        if self._leader is None:
            return []
        ours = {self._leader}
        for _ in range(8):  # generations
            ours |= {pid for pid, parent, session in _processes() if parent in ours or session == self._leader}
        ours.discard(os.getpid())
        return sorted(pid for pid in ours if command in command_line(pid))

    # -- talk

    def api(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Call the REST API, v2 on Airflow 3 and v1 on 2.11; returns JSON."""
        request = urllib.request.Request(
            f"{self.url}/api/{'v2' if IS_3 else 'v1'}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **self._authorization()},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or "null")

    def _authorization(self) -> dict[str, str]:
        if IS_3:
            return {}
        password = (self.home / "standalone_admin_password.txt").read_text()
        return {"Authorization": f"Basic {base64.b64encode(f'admin:{password}'.encode()).decode()}"}

    def wait_for_dag(self, dag_id: str) -> None:
        def known() -> bool:
            try:
                return bool(self.api("GET", f"/dags/{dag_id}")["dag_id"])
            except urllib.error.HTTPError:
                return False

        wait_for(known, seconds=90, why=f"{dag_id} was not parsed")

    def trigger(self, dag_id: str, conf: dict[str, Any] | None = None) -> str:
        """Start a run; returns its id."""
        self.wait_for_dag(dag_id)
        body: dict[str, Any] = {"conf": conf or {}} | ({"logical_date": None} if IS_3 else {})
        return str(self.api("POST", f"/dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def state(self, dag_id: str, run_id: str) -> str:
        return str(self.api("GET", f"/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def wait_for_run(self, dag_id: str, run_id: str, *, seconds: float = 180) -> str:
        """Wait for the run's end; returns its state."""

        def ended() -> str | None:
            state = self.state(dag_id, run_id)
            return state if state in ("success", "failed") else None

        return str(wait_for(ended, seconds=seconds, why=f"{dag_id} did not end"))

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances?limit=1000"
        return list(self.api("GET", path)["task_instances"])

    def logs(self, dag_id: str) -> str:
        """Everything that the tasks of a DAG have logged."""
        return "\n".join(
            path.read_text(errors="replace")
            for path in sorted((self.home / "logs").rglob("*.log"))
            if f"dag_id={dag_id}" in str(path)
        )

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value") -> Any:
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        return self.api("GET", f"{path}?deserialize=true&stringify=false")["value"]
