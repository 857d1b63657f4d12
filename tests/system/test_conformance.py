"""What the histories' model says of Airflow (``tests/histories/airflow_model.py``), held against the real one.

One run of many probes, which note what Airflow gives them. It is lived in two acts: the tasks run, then a user clears
or marks them; the tests look at the notes.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from scripts.local_airflow import AIRFLOW_VERSION, IS_3
from tests.support.airflow_probes import Lived, live_through
from tests.support.postgres import select

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.system
HAS_STORE = AIRFLOW_VERSION >= (3, 3)
LINK = "_link_EntityLink"
needs_3 = pytest.mark.skipif(not IS_3, reason="Airflow 2 has no such private record")
needs_store = pytest.mark.skipif(not HAS_STORE, reason="the task state store came with Airflow 3.3")


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    with live_through(tmp_path_factory.mktemp("airflow")) as lived:
        yield lived


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
