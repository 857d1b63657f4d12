"""Keeps a task's report in XCom wherever the task does not return it: it fails, is skipped, waits or is interrupted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from airflow_provider_bitrix24.client.errors import OutcomeUnknown
from airflow_provider_bitrix24.client.report import TargetError, TargetResult, TriggerReport

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_bitrix24.client.entities.update_report import UpdateReport
    from airflow_provider_bitrix24.client.entity_ref import EntityRef
    from airflow_provider_bitrix24.client.firing.monitor import FiringMonitor

R = TypeVar("R", bound="TriggerReport | UpdateReport")
REPORT_KEY = "report"
"""XCom key of the report if the task does not succeed. A task that succeeds returns the report."""


class ReportKeeper(Generic[R]):
    """The newest report of a task, and whether it is in XCom.

    :param ti: the task instance.
    :param log: the task's logger.
    """

    def __init__(self, ti: Any, log: Any) -> None:
        self._ti, self._log = ti, log
        self.newest: R | None = None
        self._is_kept = False

    def note(self, report: R) -> None:
        """This is what is known now."""
        self.newest, self._is_kept = report, False

    def note_interrupted(
        self: ReportKeeper[TriggerReport], monitor: FiringMonitor, refs: Iterable[EntityRef], error: BaseException
    ) -> None:
        """The firing was cut off in the middle, or before anything has left.

        :param refs: what was to be fired.
        :param error: what cut it off.
        """
        interruption = OutcomeUnknown(f"The task was interrupted ({type(error).__name__}).")
        report = monitor.interrupted_report(interruption)
        if report is None:
            unfired = TargetError.from_error(interruption, "no")
            results = [TargetResult(target=str(ref), outcome="failed", error=unfired) for ref in refs]
            report = TriggerReport(code=None, portal="", results=results)
        self.note(report)

    def keep(self, report: R) -> None:
        """Put the report into XCom."""
        self.newest = report
        self._ti.xcom_push(key=REPORT_KEY, value=report.as_dict())
        self._is_kept = True

    def keep_newest(self) -> None:
        """Put the newest report into XCom if it is not there, while something else ends the task."""
        if self.newest is None or self._is_kept:
            return
        try:
            self.keep(self.newest)
        except Exception as problem:  # noqa: BLE001 - what ends the task matters more, and is raised
            self._log.warning("The report could not be kept in XCom (%s).", type(problem).__name__)
