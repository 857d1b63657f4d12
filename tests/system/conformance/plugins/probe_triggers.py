"""The Airflow trigger of the probes."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


GO = Path(os.environ["AIRFLOW_HOME"]) / "probes" / "go"
"""Airflow fails a task that is queued again before its scheduler has seen it leave, so the test says when."""


class WhenTold(BaseTrigger):
    """Fires, or raises, once there is the file :data:`GO`."""

    def __init__(self, *, raises: bool) -> None:
        super().__init__()
        self.raises = raises

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Name the class and its arguments."""
        return "probe_triggers.WhenTold", {"raises": self.raises}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, and fire."""
        while not GO.exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.2)
        if self.raises:
            raise RuntimeError("The trigger raises.")
        yield TriggerEvent("fired")
