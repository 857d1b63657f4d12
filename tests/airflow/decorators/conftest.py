"""What the tests of the decorator share."""

from __future__ import annotations

import pytest

try:
    from airflow.sdk import task
except ImportError:
    from airflow.decorators import task


@pytest.fixture
def run(run_task):
    """Run a decorated function as a task."""

    def run_function(function, *args, **arguments):
        decorated = task.bitrix24_trigger(**{"code": "c5u4m"} | arguments)(function)
        return run_task(lambda: decorated(*args).operator)

    return run_function
