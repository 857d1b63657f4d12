"""The preview of a task: what it would do, as a table in its log. Nothing that changes anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24._tasks.preview_table import firing_lines
from airflow_provider_bitrix24._tasks.report_keeper import ReportKeeper
from airflow_provider_bitrix24._tasks.verdict import decide
from airflow_provider_bitrix24.client.report import TriggerReport

if TYPE_CHECKING:
    from airflow_provider_bitrix24._tasks.firing import FiringRequest
    from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook


def preview_firing(hook: Bitrix24Hook, request: FiringRequest, ti: Any, log: Any) -> dict[str, Any]:
    """Report what would be fired.

    :param ti: the task instance, whose XCom keeps the report if a target would fail.
    :param log: the task's logger.
    :raises AirflowFailException: targets would fail, and a retry cannot help.
    :raises TargetsFailedError: targets would fail.
    """
    report = hook.trigger_automation(request.refs, request.code, preview=True, **request.options)
    log.info("Preview: nothing is fired.")
    for line in firing_lines(report):
        log.info("%s", line)
    verdict = decide(report, on_unmoved="ignore", expected=(), checkpoint=True)
    if verdict.end != "succeed":
        ReportKeeper[TriggerReport](ti, log).keep(report)
    verdict.raise_for_airflow(report)
    return report.as_dict()
