"""Lives the probes of ``tests/system/conformance`` on a real Airflow, in two acts, and collects what they noted."""

from __future__ import annotations

import json
import re
import shutil
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.local_airflow import IS_3, LocalAirflow
from scripts.postgres_server import server_programs
from scripts.processes import wait_for
from tests.support.postgres import database_for, select

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parents[1] / "system" / "conformance"
ENDED = ("success", "failed", "skipped", "upstream_failed")
CLEARED = ["succeeds", "fails", "fails_at_once", "marked", "post_execute_at_last", "defers", "cleared_running"]
RUNNING = ["cleared_running"]
DEFERRED = ["defers", "fails_resumed", "trigger_raises"]
HEARD_BEFORE_MISSED = (
    {}
    if IS_3
    else {
        "AIRFLOW__SCHEDULER__LOCAL_TASK_JOB_HEARTBEAT_SEC": "1",
        "AIRFLOW__SCHEDULER__SCHEDULER_ZOMBIE_TASK_THRESHOLD": "90",
        "AIRFLOW__SCHEDULER__ZOMBIE_DETECTION_INTERVAL": "120",
    }
)
"""Where the scheduler of 2.11 looks before the worker of a cleared task has heard of it, it takes the task for dead.

It notices a killed one after 90 to 210 seconds, not after 300 to 420.
"""


@dataclass(frozen=True)
class Act:
    """What there was after an act: the task instances and XCom keys by task, and what the probes had noted."""

    instances: dict[str, dict[str, Any]]
    xcoms: dict[str, set[str]]
    notes: dict[str, list[dict[str, Any]]]

    def calls(self, task: str) -> list[tuple[str, int]]:
        """What was called, in which try."""
        return [(each["what"], each["try_number"]) for each in self.notes[task]]

    def ended(self, task: str) -> tuple[str, int, int]:
        """State, number of the last try, and how many there may be."""
        row = self.instances[task]
        return row["state"], row["try_number"], row["max_tries"]


@dataclass(frozen=True)
class Lived:
    """The two acts, and which probes were told of their end."""

    first: Act
    second: Act
    told: set[str]
    airflow: LocalAirflow


@contextmanager
def live_through(home: Path) -> Iterator[Lived]:
    """Let an Airflow at this place live the probes; it runs until the block ends.

    :raises TimeoutError: it hangs.
    """
    for folder in ("dags", "plugins"):
        shutil.copytree(HERE / folder, home / folder, ignore=shutil.ignore_patterns("__pycache__"))
    with ExitStack() as stack:
        env = stack.enter_context(database_for("PostgreSQL"))
        more = {"AIRFLOW__CORE__PARALLELISM": "6"} if server_programs() else {}
        airflow = stack.enter_context(LocalAirflow(home, home / "dags", env=env | more | HEARD_BEFORE_MISSED))
        run_id = airflow.trigger("probes")
        wait_for(lambda: _have_left(airflow), seconds=900, why="the probes have not deferred themselves")
        (home / "probes" / "go").touch()
        wait_for(lambda: _is_quiet(airflow, run_id, 2), seconds=900, why="the probes have not ended")
        _mark(airflow, run_id, "marked", "success")
        first = _look(airflow, run_id)
        _clear(airflow, run_id, [*CLEARED, ["mapped", 1] if IS_3 else "mapped"])
        _mark(airflow, run_id, "marked_running", "failed")
        wait_for(lambda: _is_quiet(airflow, run_id, 0), seconds=600, why="the cleared probes have not ended")
        told = {path.stem for path in (home / "probes").glob("*.killed")}
        yield Lived(first, _look(airflow, run_id), told, airflow)


def _have_left(airflow: LocalAirflow) -> bool:
    """Whether the scheduler has seen all deferred probes leave their workers."""
    log = airflow.log.read_text(errors="replace")
    return all(re.search(rf"TaskInstance Finished: .*task_id={task},.*state=deferred", log) for task in DEFERRED)


def _is_quiet(airflow: LocalAirflow, run_id: str, waiting: int) -> bool:
    """Whether all probes have ended but for some that wait to be ended."""
    rows = airflow.task_instances("probes", run_id)
    running = [row for row in rows if row["state"] not in ENDED]
    waits = all((airflow.home / "probes" / f"{row['task_id']}.waits").exists() for row in running)
    return len(running) == waiting and waits and all(row["state"] == "running" for row in running)


def _look(airflow: LocalAirflow, run_id: str) -> Act:
    rows = airflow.task_instances("probes", run_id)
    instances = {_name(row["task_id"], row["map_index"]): row for row in rows}
    xcoms: dict[str, set[str]] = defaultdict(set)
    for row in select(airflow, "select task_id || '|' || map_index || '|' || key from xcom"):
        task, index, key = row.split("|")
        xcoms[_name(task, int(index))].add(key)
    notes: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for path in (airflow.home / "probes").glob("*.jsonl"):
        task, index, _ = path.name.split(".")
        notes[_name(task, int(index))] = [json.loads(line) for line in path.read_text().splitlines()]
    return Act(instances, xcoms, notes)


def _name(task: str, index: int) -> str:
    return task if index < 0 else f"{task}[{index}]"


def _clear(airflow: LocalAirflow, run_id: str, tasks: list[Any]) -> None:
    if not IS_3:
        # The API of 2.11 clears a running task through its job alone, and the next heartbeat may overwrite that.
        running = [task for task in tasks if task in RUNNING]
        tasks = [task for task in tasks if task not in running]
        pattern = f"^({'|'.join(running)})$"
        command = ("tasks", "clear", "--yes", "--task-regex", pattern, "probes")
        assert airflow.run(*command).wait(timeout=240) == 0, airflow.log_tail(60)
    body = {"dry_run": False, "dag_run_id": run_id, "task_ids": tasks, "only_failed": False}
    airflow.api("POST", "/dags/probes/clearTaskInstances", body)


def _mark(airflow: LocalAirflow, run_id: str, task: str, state: str) -> None:
    body = {"new_state": state} if IS_3 else {"new_state": state, "dry_run": False}
    airflow.api("PATCH", f"/dags/probes/dagRuns/{run_id}/taskInstances/{task}", body)
