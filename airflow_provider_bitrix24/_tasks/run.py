"""One run of a task that fires: what its steps hand to each other. It decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_bitrix24._tasks.checkpoint import TaskCheckpointStore
    from airflow_provider_bitrix24._tasks.firing import FiringRequest
    from airflow_provider_bitrix24._tasks.report_keeper import ReportKeeper
    from airflow_provider_bitrix24._tasks.report_log import ReportLog
    from airflow_provider_bitrix24.client.report import TriggerReport
    from airflow_provider_bitrix24.compat import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRun:
    """One run of a task.

    :param request: what it fires.
    :param store: keeps the checkpoint.
    :param keeper: keeps the newest report, also where the run is interrupted.
    :param report_log: writes results to the task's log.
    """

    context: Context
    request: FiringRequest
    store: TaskCheckpointStore
    keeper: ReportKeeper[TriggerReport]
    report_log: ReportLog

    @property
    def ti(self) -> Any:
        """Airflow's task instance."""
        return self.context["ti"]
