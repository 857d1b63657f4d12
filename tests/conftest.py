"""What holds for all tests, whichever run and in whatever order.

Airflow's home is thrown away and set before any test imports Airflow. Hypothesis draws a fixed number of examples, and
more with ``--hypothesis-profile=thorough``; none has a time limit, since a shared machine may be slow for a moment.
"""

from __future__ import annotations

import gc
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

_HOME = tempfile.TemporaryDirectory(prefix="airflow-home-", ignore_cleanup_errors=True)
for _name in [name for name in os.environ if name.startswith(("AIRFLOW", "_AIRFLOW"))]:
    del os.environ[_name]  # what is set for an Airflow of the person who runs the tests
os.environ |= {
    "AIRFLOW_HOME": _HOME.name,
    "AIRFLOW__CORE__DAGS_FOLDER": str(Path(__file__).parents[1] / "example_dags"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    "AIRFLOW__METRICS__TIMER_UNIT_CONSISTENCY": "True",
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
}

# The same examples in every run, so that a change fails for what it changes; `make fuzz` draws new ones.
_STEADY = {
    "deadline": None,
    "database": None,
    "derandomize": True,
    "suppress_health_check": [hypothesis.HealthCheck.too_slow],  # which measures time, and fails on a busy machine
}
hypothesis.settings.register_profile("quick", max_examples=40, **_STEADY)
hypothesis.settings.register_profile("thorough", max_examples=200, **_STEADY)
hypothesis.settings.register_profile(  # for make fuzz
    "fuzz",
    deadline=None,
    max_examples=-(-int(os.environ.get("FUZZ_EXAMPLES") or 20_000) // 10),
    database=None,
    print_blob=True,
    suppress_health_check=list(hypothesis.HealthCheck),
)
hypothesis.settings.load_profile("quick")
pytest.register_assert_rewrite("tests.support")

from airflow_provider_bitrix24.client.secret_text import LIVE_SECRETS  # noqa: E402 - once Airflow's home is set
from tests.support import tracing  # noqa: E402 - once its asserts are rewritten

tracing.import_all()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Half as many processes again as there are cores: a test that waits for a time-out leaves its core to another."""
    return max(1, (os.cpu_count() or 1) * 3 // 2)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Import the tests untraced; what lives as long as they do is not searched for garbage again and again."""
    gc.disable()
    try:
        with tracing.untraced():
            return (yield)
    finally:
        gc.enable()
        gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out of the coverage report what costs most and shows no line that other tests do not."""
    for item in filter(tracing.shows_no_coverage, items):
        item.add_marker("no_cover")


@pytest.fixture(autouse=True)
def _forget_secrets() -> Generator[None]:
    """Hide in no other test what was a secret in this one: odd answers make a token of any text, such as an address."""
    secrets, forms = dict(LIVE_SECRETS._secrets), LIVE_SECRETS._forms
    yield
    LIVE_SECRETS._secrets, LIVE_SECRETS._forms = secrets, forms
