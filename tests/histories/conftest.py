"""Histories in tests: the seams are in while a test runs. They live on Airflow 3.3, whichever rules they play by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import airflow
import pytest
from packaging.version import Version

from tests.histories import environment  # noqa: F401 - Airflow reads it when it is imported

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.histories.plan import History
    from tests.histories.runner import Lived

collect_ignore_glob = ["test_*.py"] if Version(airflow.__version__) < Version("3.3") else []


@pytest.fixture
def live() -> Iterator[Callable[[History], Lived]]:
    """Yield what lives a history."""
    from tests.histories import runner
    from tests.histories.seams import installed

    with installed():
        yield runner.live


@pytest.fixture
def violations(live: Callable[[History], Lived]) -> Callable[[History], list[str]]:
    """Live a history and return what is wrong with it."""
    return lambda history: [str(each) for each in live(history).verdict.violations]
