"""What a task logs in the tutorial's first run, on its bad night and after the repair is what its page shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import airflow
import pytest
from packaging.version import Version

if TYPE_CHECKING:
    from tests.support.task_runs import Ran

DOCS = Path(__file__).parents[2] / "docs"
FIRST, BAD, REPAIRED = 0, 1, 2


def logs_of(page: str) -> list[list[str]]:
    """The logs that a page shows, as lines."""
    blocks = re.findall(r"^```text\n(.*?)^```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [block.splitlines() for block in blocks if "EXECUTING" in block or "firing" in block]


@pytest.fixture
def nightly(portal, move, caplog):
    """Run the tutorial's task with a code, once; returns how it ended, and what it and its client logged."""

    def run(code: str) -> tuple[Ran, set[str]]:
        caplog.clear()
        with caplog.at_level("INFO", "airflow_provider_bitrix24.client"):
            rows = [(57,), (58,), (60,)]
            ran = move(target=rows, entity_type="DEAL", code=code, expected_stage="EXECUTING", retries=3)
        logged = [*caplog.messages, *(text for _, text in ran.log)]
        return ran, {re.sub(r"Waiting \d+ s", "Waiting 30 s", text) for text in logged}  # it depends on the person

    return run


def test_the_first_run_logs_what_the_tutorial_shows(nightly):
    _, logged = nightly("exec")

    assert set(logs_of("tutorial.md")[FIRST]) <= logged


def test_the_bad_night_ends_with_the_sentence_of_the_tutorial(nightly):
    ran, _ = nightly("exek")

    assert str(ran.error) == " ".join(logs_of("tutorial.md")[BAD])


@pytest.mark.skipif(Version(airflow.__version__) < Version("3.3"), reason="there is no task state store")
def test_the_repaired_run_logs_what_the_tutorial_shows(nightly):
    nightly("exek")

    ran, logged = nightly("exec")

    assert ran.state == "success"
    assert set(logs_of("tutorial.md")[REPAIRED]) <= logged


def test_the_russian_edition_shows_the_same_logs():
    assert logs_of("ru/tutorial.md") == logs_of("tutorial.md")
    assert len(logs_of("tutorial.md")) == 3
