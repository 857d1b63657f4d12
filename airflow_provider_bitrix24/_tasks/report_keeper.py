"""Keeps a task's report in XCom wherever the task does not return it: it fails, is skipped, waits or is interrupted."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_bitrix24.client.report import TriggerReport

REPORT_KEY = "report"
"""XCom key of the report where the task does not succeed; a task that does returns it."""


class ReportKeeper:
    """The newest report of a task, and whether it is in XCom.

    :param ti: the task instance.
    :param log: the task's logger.
    """

    def __init__(self, ti: Any, log: Any) -> None:
        self._ti, self._log = ti, log
        self._newest: TriggerReport | None = None

    def note(self, report: TriggerReport) -> None:
        """This is what is known now; it is kept if the task is interrupted."""
        self._newest = report

    def keep(self, report: TriggerReport) -> None:
        """Put the report into XCom."""
        self._newest = None
        self._ti.xcom_push(key=REPORT_KEY, value=report.as_dict())

    @contextmanager
    def on_interruption(self) -> Iterator[None]:
        """Keep the newest report where a time-out, a signal or an error ends the task before it was kept."""
        try:
            yield
        except BaseException:
            if self._newest is not None:
                self._keep_in_haste(self._newest)
            raise

    def _keep_in_haste(self, report: TriggerReport) -> None:
        try:
            self.keep(report)
        except Exception as problem:  # noqa: BLE001 - what interrupted the task matters more, and is raised
            self._log.warning("The report could not be kept in XCom (%s).", type(problem).__name__)
