"""Where the lines that run are not traced for the coverage report: tracing makes Python two to ten times slower."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from importlib import import_module
from pkgutil import walk_packages
from typing import TYPE_CHECKING

import coverage

import airflow_provider_bitrix24

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

LIBRARIES = ("airflow.sdk.definitions.dag", "pandas", "aiohttp.web", "requests")
"""What takes longest to import."""
UNTRACED = (
    "tests/airflow/test_secret_frames.py",
    "tests/airflow/test_shell_commands.py",
    "tests/client/oauth/test_many_callers.py",
    "tests/histories",
    "tests/hostile",
    "tests/in_flight",
    "tests/scripts",
    "tests/simulator/test_bounds.py",
    "tests/simulator/test_simulator_docs.py",
    "tests/test_docs.py",
)
"""Tests of what is not in the report, and tests that run lines which others cover many times over."""
ALIKE = ("tests/client/entities", "tests/client/firing", "tests/client/flows", "tests/client/limits")
"""Tests of flows that both clients perform."""


@contextmanager
def untraced() -> Iterator[None]:
    """Trace nothing meanwhile in this process, such as a library that is imported."""
    measuring = coverage.Coverage.current()
    if measuring is None:
        yield
        return
    measuring.stop()
    try:
        yield
    finally:
        measuring.start()


def import_all() -> None:
    """Import untraced what is installed of :data:`LIBRARIES`, and traced every module that is in the report.

    The rest of the collection, which imports the tests, can then do without tracing.
    """
    if coverage.Coverage.current() is None:
        return
    with untraced():
        for name in LIBRARIES:
            with suppress(ImportError):
                import_module(name)
    for module in walk_packages(airflow_provider_bitrix24.__path__, f"{airflow_provider_bitrix24.__name__}."):
        if "example_dags" not in module.name and not module.name.endswith("__main__"):
            with suppress(ImportError):  # of what is not installed
                import_module(module.name)


def shows_no_coverage(item: pytest.Item) -> bool:
    """Whether a test need not be traced: it draws many examples, or runs what others cover many times over."""
    many = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
    params = item.callspec.params if hasattr(item, "callspec") else {}
    return many or item.nodeid.startswith(UNTRACED) or (is_alike(item) and params.get("bench") == "async")


def is_alike(item: pytest.Item) -> bool:
    """Whether both clients perform the same flows in a test, so that it is enough to trace one."""
    return item.nodeid.startswith(ALIKE)
