"""A task that is interrupted after it has fired: what is said and kept, and whether a retry is safe."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24._tasks.report_keeper import REPORT_KEY
from airflow_provider_bitrix24._tasks.verdict import danger_of_a_retry, may_have_been_fired
from airflow_provider_bitrix24.compat import AirflowFailException, AirflowSkipException, TaskDeferred
from airflow_provider_bitrix24.exceptions import TargetsFailedError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from airflow_provider_bitrix24._tasks.report_keeper import ReportKeeper
    from airflow_provider_bitrix24.client.report import TriggerReport

_DECIDED = (AirflowFailException, AirflowSkipException, TargetsFailedError, TaskDeferred)
"""Ends that the task has chosen itself."""


@contextmanager
def ending_safely(
    keeper: ReportKeeper[TriggerReport], *, expected: Collection[str], survives: bool, log: Any
) -> Iterator[None]:
    """Keep the report whatever ends the task, and let no retry follow that could fire an entity that has moved.

    :param keeper: receives the newest report as soon as something was fired.
    :param expected: stages; a retry leaves out what stands at one of them.
    :param survives: whether a checkpoint tells a retry what was done.
    :param log: the task's logger.
    :raises AirflowFailException: in place of a time-out, a signal or an error after which a retry is not safe.
    """
    try:
        yield
    except _DECIDED:
        keeper.keep_newest()
        raise
    except BaseException as error:
        report = keeper.newest
        if report is None:
            raise
        interruption = describe_interruption(report, type(error).__name__)
        log.warning("%s", interruption)
        log.warning("The report is in XCom under %r.", REPORT_KEY)
        keeper.keep_newest()
        danger = None if survives else danger_of_a_retry(report, expected=expected)
        if danger is not None:
            raise AirflowFailException(f"{interruption} No retry follows: {danger}") from error
        raise


def describe_interruption(report: TriggerReport, kind: str) -> str:
    """Say how far the firing had come.

    :param report: what is known of each target.
    :param kind: name of the error that interrupted it.
    """
    sent = sum(map(may_have_been_fired, report.results))
    left = len(report.results) - sent - report.already
    return (
        f"Interrupted ({kind}): {sent:,} of {len(report.results):,} targets were fired; "
        f"{report.moved:,} moved, {sent - report.moved:,} open, {left:,} not fired."
    )
