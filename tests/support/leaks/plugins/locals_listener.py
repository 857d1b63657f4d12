"""A plugin that writes down, for each task that fails, what the frames of its traceback hold, as error trackers do.

It writes files of its own, in which Airflow masks nothing.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

from tests.support.frames import shown_by_frames

FOLDER = Path(os.environ.get("AIRFLOW_HOME", "."), "locals")


class Listener:
    """Hears of tasks that fail, in the process in which they have failed."""

    @hookimpl
    def on_task_instance_failed(self, task_instance: Any, error: Any) -> None:
        """Write down what an error tracker would see."""
        FOLDER.mkdir(exist_ok=True)
        shown = shown_by_frames(error) if isinstance(error, BaseException) else [f"TEXT {error!r}"]
        with (FOLDER / f"{task_instance.task_id}.{os.getpid()}.txt").open("a", errors="backslashreplace") as file:
            file.writelines(f"{line}\n" for line in shown)


class LocalsPlugin(AirflowPlugin):
    """Registers the listener."""

    name = "locals_listener"
    listeners = [Listener()]  # noqa: RUF012 - as Airflow reads it
