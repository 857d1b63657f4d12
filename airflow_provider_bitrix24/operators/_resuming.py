"""What a task that has fired does where its wait on the triggerer fails, after which Airflow would try it again."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24._tasks.checkpoint import TaskCheckpointStore
from airflow_provider_bitrix24._tasks.interruption import ending_safely
from airflow_provider_bitrix24._tasks.report_keeper import ReportKeeper
from airflow_provider_bitrix24._tasks.verdict import PlainEnding, permanent_errors_fail_at_once
from airflow_provider_bitrix24.client.stages import parse_stages
from airflow_provider_bitrix24.operators._waiting import deferred_report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Protocol

    from airflow_provider_bitrix24.client import TriggerReport
    from airflow_provider_bitrix24.compat import Context

    class Resumed(Protocol):
        """A task that has fired and waited."""

        expected_stage: Any
        durable: bool

        @property
        def log(self) -> Any:
            """Its logger."""


_WAIT_FAILED = "__fail__"
"""In place of a method's name where the Airflow trigger has crashed, cannot be loaded, or had too little time."""


@contextmanager
def failing_safely(next_method: str, context: Context, task: Resumed) -> Iterator[None]:
    """Let no retry follow a failed wait that could move an entity twice, and keep the report.

    :param next_method: what Airflow resumes the task with.
    :raises AirflowFailException: in place of the failure, where a retry is not safe.
    """
    if next_method != _WAIT_FAILED:
        yield
        return
    with PlainEnding(), permanent_errors_fail_at_once():
        expected = parse_stages("expected_stage", task.expected_stage) or ()
        keeper: ReportKeeper[TriggerReport] = ReportKeeper(context["ti"], task.log)
        survives = TaskCheckpointStore.of_task(context, durable=task.durable).survives
        with ending_safely(keeper, expected=expected, survives=survives, log=task.log):
            if (report := deferred_report(context["ti"])) is not None:
                keeper.note(report)
            yield
