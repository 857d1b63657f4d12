"""The API server to which tasks of ``dag.test()`` talk on Airflow 3, in the same process."""

from __future__ import annotations

from functools import cache


def keep_one() -> None:
    """Let all tasks of this process share one, as on 3.3: it takes seconds to make; 3.0 to 3.2 make one for each."""
    try:
        from airflow.sdk.execution_time import supervisor
    except ImportError:  # Airflow 2
        return
    if not hasattr(supervisor.in_process_api_server, "cache_info"):
        supervisor.in_process_api_server = cache(supervisor.in_process_api_server)


def pytest_collection_finish() -> None:
    """Do so in a pytest that has this module as a plugin, once its conftest.py has chosen Airflow's home."""
    keep_one()
