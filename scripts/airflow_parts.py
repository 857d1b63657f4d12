"""A real Airflow 3 whose parts are processes of their own, so that each can be killed and started again.

With :func:`celery_settings` it has Celery workers beside them.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import psutil

from scripts import processes
from scripts.local_airflow import AirflowFailed, LocalAirflow, command_line

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PARTS: dict[str, tuple[str, ...]] = {
    "api-server": ("api-server",),
    "scheduler": ("scheduler",),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer",),
}
"""What every Airflow 3 consists of: name -> arguments of the command ``airflow``."""
CELERY_WORKER = "worker"
NOTICED_SOON = {
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "10",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "2",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "2",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "8",
}
"""Lets the others notice within half a minute that a part has died, instead of within five."""


def celery_settings(broker: str, database: str, *, redeliver_after: int = 20) -> dict[str, str]:
    """Return the variables that let Airflow run tasks by Celery.

    :param broker: address of a Redis server.
    :param database: SQLAlchemy's address of Airflow's database.
    :param redeliver_after: seconds after which a task that a dead worker had taken is given to another one.
    """
    return {
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__CELERY__BROKER_URL": broker,
        "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{database}",
        "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": str(redeliver_after),
    }


class AirflowParts(LocalAirflow):
    """Airflow 3 in parts; as a context manager all are started and stopped.

    :param workers: how many tasks a Celery worker runs at once; 0 for no worker.
    :param of_workers: environment variables to add for each Celery worker: ``worker``, ``worker-2`` and so on.
    :param env: environment variables to add. Here belongs the database: SQLite is no good where parts are killed.
    """

    def __init__(
        self,
        home: Path,
        dags: Path,
        *,
        env: Mapping[str, str],
        workers: int = 0,
        of_workers: Sequence[Mapping[str, str]] = ({},),
    ) -> None:
        # Parts that share no command have to be told the same secret.
        super().__init__(home, dags, env={"AIRFLOW__API_AUTH__JWT_SECRET": "s" * 64, **env})
        self.parts = dict(PARTS)
        self._of_parts: dict[str, Mapping[str, str]] = {}
        for number, variables in enumerate(of_workers if workers else (), start=1):
            name = CELERY_WORKER if number == 1 else f"{CELERY_WORKER}-{number}"
            hostname = f"{name}@%h"
            self.parts[name] = ("celery", "worker", "--concurrency", str(workers), "--celery-hostname", hostname)
            self._of_parts[name] = variables
        self._running: dict[str, subprocess.Popen[str]] = {}
        self._roots: list[processes.Identity] = []

    def start(self) -> None:
        """Migrate the database, start all parts, and wait until they are healthy.

        :raises AirflowFailed: one did not start.
        """
        try:
            self._migrate()
            for part in self.parts:
                self.begin(part)
            self.wait_until_healthy()
        except BaseException:
            self.stop()
            raise

    def _migrate(self) -> None:
        process = self.run("db", "migrate")
        if process.wait(timeout=240):
            raise AirflowFailed(f"airflow db migrate failed.\n{self.log_tail()}")

    def stop(self) -> None:
        """Stop all parts with everything that they have started, also what killed ones have left behind."""
        for process in reversed(self._running.values()):
            processes.stop(process, patience=10.0)
        self._running.clear()
        for root in self._roots:
            processes.stop_tree(root, patience=0.5)
        self._roots.clear()
        for each in self._left_behind():
            each.kill()

    def begin(self, part: str) -> None:
        """Start a part that does not run."""
        process = self.run(*self.parts[part], env=self._of_parts.get(part))
        self._running[part] = process
        self._roots.append(processes.identify(process.pid))

    def kill(self, part: str) -> None:
        """End the main process of a part with SIGKILL; what it has started is left to itself."""
        process = self._running.pop(part)
        process.kill()
        process.wait()

    def restart(self, part: str) -> None:
        """Kill a part and start another one in its place."""
        self.kill(part)
        self.begin(part)

    def wait_until_healthy(self, *, seconds: float = 240.0) -> None:
        """Wait until the API server finds all parts healthy.

        :raises AirflowFailed: time is up.
        """
        self._until(self._is_healthy, seconds, "Airflow is not up")

    def find_processes(self, command: str = "") -> list[psutil.Process]:
        """The processes of all parts, also those that killed ones have left, whose command line contains a text."""
        found = {each.pid: each for each in self._left_behind()}
        for root in self._roots:
            found |= {each.pid: each for each in processes.family(root)}
        return [each for _, each in sorted(found.items()) if command in command_line(each)]

    def _left_behind(self) -> list[psutil.Process]:
        """Find by their environment what has outlived its parents and has a session of its own."""
        found = []
        for each in psutil.process_iter():
            with suppress(psutil.Error):
                if processes.is_running(each) and each.environ().get("AIRFLOW_HOME") == str(self.home):
                    found.append(each)
        return found
