"""What a task that has fired does where its wait on the triggerer fails, after which Airflow would try it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.compat import BaseOperator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_bitrix24._tasks.checkpoint import TaskCheckpointStore
    from airflow_provider_bitrix24._tasks.report_keeper import ReportKeeper
    from airflow_provider_bitrix24.client import TriggerReport
    from airflow_provider_bitrix24.compat import Context

_WAIT_FAILED = "__fail__"
"""In place of a method's name where the Airflow trigger has crashed, cannot be loaded, or had too little time."""


class ResumableTask(BaseOperator):
    """A task that may wait on the triggerer after it has fired."""

    expected_stage: str | Sequence[str] | None

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Resume after a wait outside the worker, as Airflow asks.

        :raises AirflowFailException: the wait has failed, and a retry could move an entity twice.
        :raises TaskDeferralError: the wait has failed; a retry is safe.
        """
        if next_method != _WAIT_FAILED:
            return super().resume_execution(next_method, next_kwargs, context)

        from airflow_provider_bitrix24._tasks.interruption import ending_safely
        from airflow_provider_bitrix24._tasks.report_keeper import ReportKeeper
        from airflow_provider_bitrix24._tasks.verdict import PlainEnding, permanent_errors_fail_at_once
        from airflow_provider_bitrix24.client.stages import parse_stages
        from airflow_provider_bitrix24.operators._waiting import deferred_report

        with PlainEnding(), permanent_errors_fail_at_once():
            expected = parse_stages("expected_stage", self.expected_stage) or ()
            keeper: ReportKeeper[TriggerReport] = ReportKeeper(context["ti"], self.log)
            survives = self._open_checkpoint(context).survives
            with ending_safely(keeper, expected=expected, survives=survives, log=self.log):
                if (report := deferred_report(context["ti"])) is not None:
                    keeper.note(report)
                return super().resume_execution(next_method, next_kwargs, context)

    def _open_checkpoint(self, context: Context) -> TaskCheckpointStore:
        raise NotImplementedError
