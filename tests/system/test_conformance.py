"""What the histories' model says of Airflow (``tests/histories/airflow_model.py``), held against the real one.

One run of many probes, which note what Airflow gives them. It is lived in two acts: the tasks run, then a user clears
or marks them; the tests look at the notes.
"""

from __future__ import annotations

import json
import re
import shutil
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from scripts.local_airflow import AIRFLOW_VERSION, IS_3, LocalAirflow
from scripts.postgres_server import server_programs
from scripts.processes import wait_for
from tests.support.postgres import database_for, select

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.system
HERE = Path(__file__).parent / "conformance"
HAS_STORE = AIRFLOW_VERSION >= (3, 3)
ENDED = ("success", "failed", "skipped", "upstream_failed")
CLEARED = ["succeeds", "fails", "fails_at_once", "marked", "post_execute_at_last", "defers", "cleared_running"]
RUNNING = ["cleared_running"]
DEFERRED = ["defers", "fails_resumed", "trigger_raises"]
LINK = "_link_EntityLink"
HEARD_BEFORE_MISSED = (
    {}
    if IS_3
    else {
        "AIRFLOW__SCHEDULER__LOCAL_TASK_JOB_HEARTBEAT_SEC": "1",
        "AIRFLOW__SCHEDULER__ZOMBIE_DETECTION_INTERVAL": "120",
    }
)
"""Where the scheduler of 2.11 looks before the worker of a cleared task has heard of it, it takes the task for dead."""
needs_3 = pytest.mark.skipif(not IS_3, reason="Airflow 2 has no such private record")
needs_store = pytest.mark.skipif(not HAS_STORE, reason="the task state store came with Airflow 3.3")


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


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    home = tmp_path_factory.mktemp("airflow")
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


# -- tries


@pytest.mark.parametrize(
    ("task", "state", "tries", "max_tries"),
    [
        ("succeeds", "success", 1, 1),
        ("fails", "failed", 2, 1),
        ("fails_at_once", "failed", 1, 0),
        ("fails_for_good", "failed", 1, 2),
        ("skips", "skipped", 1, 2),
        ("exits", "success", 2, 1),
        ("killed", "success", 2, 1),
        ("killed_at_last", "failed", 1, 0),
        ("times_out", "success", 2, 1),
        ("post_execute", "success", 2, 1),
        ("post_execute_at_last", "failed", 1, 0),
        ("push", "success", 2, 1),
        ("trigger_raises", "success", 2, 1),
    ],
)
def test_a_retry_follows_while_the_try_is_not_above_max_tries(
    lived: Lived, task: str, state: str, tries: int, max_tries: int
) -> None:
    assert lived.first.ended(task) == (state, tries, max_tries)
    assert lived.first.calls(task) == [("execute", number) for number in range(1, tries + 1)]


@needs_3
def test_airflow_tells_a_try_whether_another_one_would_follow(lived: Lived) -> None:
    notes = lived.second.notes
    for task in ("succeeds", "fails", "fails_at_once", "post_execute", "killed"):
        for each in notes[task]:
            assert each["should_retry"] == (each["max_tries"] != 0 and each["try_number"] <= each["max_tries"])


# -- Clear


@pytest.mark.parametrize(
    ("task", "state", "tries", "max_tries"),
    [
        ("succeeds", "success", 2, 2),
        ("fails", "success", 4, 3),
        ("fails_at_once", "failed", 2, 1),
        ("marked", "success", 2, 1),
        ("post_execute_at_last", "success", 2, 1),
    ],
)
def test_a_clear_lets_max_tries_be_the_tries_so_far_and_the_retries(
    lived: Lived, task: str, state: str, tries: int, max_tries: int
) -> None:
    assert lived.second.ended(task) == (state, tries, max_tries)


def test_a_clear_of_a_running_task_ends_it_and_lets_it_be_tried_again_whatever_the_numbers_say(lived: Lived) -> None:
    assert lived.second.ended("cleared_running") == ("success", 2, 1 if IS_3 else 0)
    assert lived.second.calls("cleared_running") == [("execute", 1), ("execute", 2)]
    assert "cleared_running" in lived.told


def test_a_running_task_that_is_marked_as_failed_is_told_and_not_tried_again(lived: Lived) -> None:
    assert lived.second.ended("marked_running")[:2] == ("failed", 1)
    assert lived.second.calls("marked_running") == [("execute", 1)]
    assert "marked_running" in lived.told


def test_a_mark_changes_the_state_and_nothing_else(lived: Lived) -> None:
    assert lived.first.ended("marked") == ("success", 1, 0)
    assert "return_value" not in lived.first.xcoms["marked"]
    if IS_3:
        assert "return_value" not in lived.second.notes["marked"][1]["left"]


# -- XComs


@pytest.mark.parametrize("task", ["succeeds", "fails", "exits", "killed", "post_execute", "push", "cleared_running"])
def test_a_try_that_starts_finds_none_of_the_xcoms_of_the_last_one(lived: Lived, task: str) -> None:
    assert [each["mine"] for each in lived.second.notes[task]] == [None] * len(lived.second.notes[task])
    assert len(lived.second.notes[task]) > 1


@needs_3
def test_airflow_tells_a_try_that_starts_which_xcoms_the_last_one_has_left(lived: Lived) -> None:
    notes = lived.second.notes
    assert notes["succeeds"][0]["left"] == []
    assert notes["succeeds"][1]["left"] == [LINK, "mine", "return_value"]
    assert notes["fails"][1]["left"] == [LINK, "mine"]
    assert notes["killed"][1]["left"] == ["mine"]
    assert notes["cleared_running"][1]["left"] == ["mine"]


@needs_3
@pytest.mark.parametrize("task", ["post_execute", "post_execute_at_last", "push"])
def test_a_failure_after_execute_leaves_no_return_value(lived: Lived, task: str) -> None:
    assert "return_value" not in lived.second.notes[task][1]["left"]


def test_a_success_keeps_its_return_value(lived: Lived) -> None:
    assert "return_value" in lived.first.xcoms["succeeds"]
    assert "return_value" in lived.second.xcoms["post_execute_at_last"]


# -- deferral


def test_a_deferred_task_resumes_in_the_same_try_with_its_xcoms(lived: Lived) -> None:
    assert lived.first.ended("defers") == ("success", 1, 0)
    assert lived.first.calls("defers") == [("execute", 1), ("resume", 1)]
    assert [each["mine"] for each in lived.first.notes["defers"]] == [None, 1]
    if IS_3:
        assert lived.first.notes["defers"][1]["left"] == []


def test_a_try_after_one_that_failed_when_it_resumed_begins_with_execute(lived: Lived) -> None:
    assert lived.first.calls("fails_resumed") == [("execute", 1), ("resume", 1), ("execute", 2)]


def test_a_rescheduled_sensor_looks_again_in_the_same_try_without_its_xcoms(lived: Lived) -> None:
    assert lived.first.calls("reschedules") == [("poke", 1), ("poke", 1)]
    assert [each["mine"] for each in lived.first.notes["reschedules"]] == [None, None]


# -- mapped tasks


@pytest.mark.skipif(not IS_3, reason="Airflow 2's API clears all indexes of a mapped task")
def test_an_index_of_a_mapped_task_has_a_life_of_its_own(lived: Lived) -> None:
    assert [lived.second.ended(f"mapped[{index}]") for index in (0, 1)] == [("success", 1, 1), ("success", 2, 2)]
    assert len(lived.second.notes["mapped[0]"]) == 1
    if HAS_STORE:
        assert [each["stored"] for each in lived.second.notes["mapped[1]"]] == [None, 1]


# -- the task state store


@needs_store
@pytest.mark.parametrize(
    "task",
    [
        *["succeeds", "fails", "exits", "killed", "times_out", "post_execute", "push"],
        *["defers", "fails_resumed", "trigger_raises", "marked", "cleared_running", "reschedules"],
    ],
)
def test_the_store_survives_retries_deferral_and_clears(lived: Lived, task: str) -> None:
    notes = lived.second.notes[task]
    assert [each["stored"] for each in notes] == [None, *range(1, len(notes))]


@needs_store
def test_what_is_stored_expires_30_days_after_it_was_last_written(lived: Lived) -> None:
    rows = select(lived.airflow, "select replace(updated_at || '|' || expires_at, ' ', 'T') from task_state_store")
    assert rows
    for row in rows:
        updated, expires = (datetime.fromisoformat(each) for each in row.split("|"))
        assert abs(expires - updated - timedelta(days=30)) < timedelta(minutes=1)


@pytest.mark.skipif(HAS_STORE, reason="this Airflow has a task state store")
def test_an_older_airflow_has_no_store(lived: Lived) -> None:
    assert not any(each["has_store"] for notes in lived.second.notes.values() for each in notes)


# -- by hand


def test_what_runs_by_hand(lived: Lived) -> None:
    """``airflow tasks test`` and ``dag.test()`` have a store, too, and find in it nothing of the time before."""
    dag, day = "probe_by_hand", "2026-01-01T00:00:00+00:00"
    by_hand = ("tasks", "test", dag, "by_hand", day)
    for command in (by_hand, by_hand, ("dags", "test", dag, day)):
        assert lived.airflow.run(*command).wait(timeout=240) == 0, lived.airflow.log_tail(60)
    path = lived.airflow.home / "probes" / "by_hand.-1.jsonl"
    notes = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(each["what"], each["max_tries"]) for each in notes] == [("execute", 1)] * 3
    assert [each["try_number"] for each in notes] == [0, 0, 1]
    assert {each["has_store"] for each in notes} == {HAS_STORE}
    assert {each["stored"] for each in notes} == {None}
