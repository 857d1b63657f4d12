"""The API server to which tasks of ``dag.test()`` talk on Airflow 3, in the same process."""

from __future__ import annotations

from functools import cache


def keep_one() -> None:
    """Let all tasks of this process share one, as on Airflow 3.3: each takes seconds to make, and 3.0 to 3.2 make one a task."""
    try:
        from airflow.sdk.execution_time import supervisor
    except ImportError:  # Airflow 2
        return
    if not hasattr(supervisor.in_process_api_server, "cache_info"):
        supervisor.in_process_api_server = cache(supervisor.in_process_api_server)
