"""The operator that fires automation triggers and reports the outcome of each entity.

The hook and its client do the work. :mod:`.._tasks.verdict` decides what a report means for the task, and
:mod:`.._tasks.report_log` words it for the log. DAG files import this module at every parse, so expensive imports are
inside the methods.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow_provider_bitrix24._tasks.arguments import check_options, check_rendered
from airflow_provider_bitrix24._tasks.verdict import (
    UNSAFE_RETRIES,
    decide,
    interrupted,
    permanent_errors_fail_at_once,
)
from airflow_provider_bitrix24._tasks.wording import counted
from airflow_provider_bitrix24.client.clock import SYSTEM_CLOCK, Clock
from airflow_provider_bitrix24.client.errors import Bitrix24Error
from airflow_provider_bitrix24.compat import AirflowFailException, BaseOperator, conf
from airflow_provider_bitrix24.links import ENTITY_URL_KEY, EntityLink
from airflow_provider_bitrix24.operators._application import ExecuteTriggerOperator

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airflow_provider_bitrix24._tasks.checkpoint import TaskCheckpointStore
    from airflow_provider_bitrix24._tasks.firing import FiringRequest
    from airflow_provider_bitrix24._tasks.verdict import OnUnmoved
    from airflow_provider_bitrix24.client import TargetResult, TriggerReport
    from airflow_provider_bitrix24.compat import Context
    from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook

__all__ = ["ExecuteTriggerOperator", "TriggerAutomationOperator"]

REPORT_KEY = "report"
"""XCom key of the report if the task does not succeed. A task that succeeds returns the report."""


class TriggerAutomationOperator(BaseOperator):
    """Fires an automation trigger for one entity or for thousands, and reports each entity's stage before and after.

    The portal answers ``true`` to every well-formed, permitted call, whether or not anything moved. The operator
    therefore reads every entity before and after, unless ``verify`` is off. The report shows where an entity stands,
    not who moved it: a colleague may move it at the same moment.

    .. seealso::
        :ref:`howto/operator:TriggerAutomationOperator`

    >>> TriggerAutomationOperator(
    ...     task_id="to_production",
    ...     target=["DEAL_57", "DEAL_58"],
    ...     code="c5u4m",
    ...     expected_stage="PREPARATION",
    ... )  # doctest: +SKIP

    :param target: one entity such as ``"DEAL_57"``, or a list of them; also ``LEAD_4``, ``QUOTE_3``,
        ``SMART_INVOICE_12``, ``DYNAMIC_177_5``. With an empty list the task succeeds at once. (templated)
    :param code: code of the "Track incoming webhook" trigger; by default, the code in the connection. (templated)
    :param bitrix24_conn_id: id of the connection. (templated)
    :param expected_stage: id of the stage that the entities should move to, such as ``"PREPARATION"`` or
        ``"C5:WON"``, or a list of ids, any of which is accepted. An entity that already stands there is not fired, so
        retries of the task are safe. (templated)
    :param on_unmoved: what to do about entities that did not move: ``"ignore"``, ``"warn"``, ``"skip"`` (skip the
        task if no entity moved, was already there or is unverified; otherwise warn) or ``"fail"``. The default is
        ``"fail"`` with ``expected_stage``, otherwise ``"warn"``. An entity that was refused or does not exist always
        fails the task.
    :param verify: read the entities before and after. If off, every accepted entity is ``unverified``.
    :param verify_conn_id: id of a second connection to the same portal. It reads the entities if the first webhook
        is not allowed to. (templated)
    :param wait_timeout: seconds to wait until all entities stand at ``expected_stage``, for triggers whose robots
        take a while. ``None`` does not wait.
    :param poke_interval: seconds between two checks while waiting.
    :param deferrable: free the worker slot while waiting for robots (``wait_timeout``) and, on Airflow 3.3, for the
        portal's operating limit.
    :param durable: resume where a killed worker stopped, if Airflow can store a checkpoint (3.3 and later).
    :return: the report: ``code``, ``portal``, the counts ``moved``, ``already``, ``unmoved``, ``unverified`` and
        ``failed``, and ``results``. If the task fails or is skipped, the report is in XCom under ``report``.
    """

    template_fields: Sequence[str] = (
        "target",
        "code",
        "expected_stage",
        "bitrix24_conn_id",
        "verify_conn_id",
    )
    operator_extra_links = (EntityLink(),)
    ui_color = "#bbedfc"
    _clock: ClassVar[Clock] = SYSTEM_CLOCK
    _checkpoint_store: TaskCheckpointStore | None = None

    def __init__(
        self,
        *,
        target: str | Sequence[str],
        code: str | None = None,
        bitrix24_conn_id: str = "bitrix24_default",
        expected_stage: str | Sequence[str] | None = None,
        on_unmoved: OnUnmoved | None = None,
        verify: bool = True,
        verify_conn_id: str | None = None,
        wait_timeout: float | None = None,
        poke_interval: float = 60,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        durable: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.target = target
        self._given = {"code": code not in (None, ""), "expected_stage": expected_stage is not None}
        self.code = code
        self.bitrix24_conn_id = bitrix24_conn_id
        self.expected_stage = expected_stage
        self.on_unmoved = on_unmoved
        self.verify = verify
        self.verify_conn_id = verify_conn_id
        self.wait_timeout = wait_timeout
        self.poke_interval = poke_interval
        self.deferrable = deferrable
        self.durable = durable
        check_options(
            expects=expected_stage is not None,
            on_unmoved=on_unmoved,
            verify=verify,
            wait_timeout=wait_timeout,
            poke_interval=poke_interval,
        )

    def execute(self, context: Context) -> dict[str, Any]:
        """Fire, verify, wait; then succeed, skip or fail.

        :raises AirflowSkipException: nothing moved and ``on_unmoved`` is ``"skip"``.
        :raises AirflowFailException: a retry cannot help, or could move an entity twice.
        :raises Bitrix24Error: nothing was fired, and a retry may help.
        :raises TargetsFailedError: some entities failed, and a retry is safe.
        """
        return self._fire_and_conclude(context, self._open_checkpoint(context), self.target)

    def _open_checkpoint(self, context: Context) -> TaskCheckpointStore:
        from airflow_provider_bitrix24._tasks.checkpoint import TaskCheckpointStore

        store = TaskCheckpointStore.of_task(context, durable=self.durable, deferrable=self.deferrable)
        self._checkpoint_store = store
        return store

    def _fire_and_conclude(
        self, context: Context, checkpoint_store: TaskCheckpointStore, target: object
    ) -> dict[str, Any]:
        from airflow_provider_bitrix24._tasks.checkpoint import DeferWait
        from airflow_provider_bitrix24.client.report import TriggerReport

        with permanent_errors_fail_at_once():
            request = self._parse(target)
            if not request.refs:
                self.log.info("target is an empty list: nothing to do.")
                return TriggerReport(code=self.code, portal="", results=[]).as_dict()
            if self.retries and not request.repeatable and not checkpoint_store.survives:
                self.log.warning("%s", UNSAFE_RETRIES)
            try:
                report = self._fire(context, request, checkpoint_store)
            except DeferWait as wait:
                self._leave_for(wait.seconds)
        return self._conclude(context, request, report, checkpoint_store)

    def _parse(self, target: object) -> FiringRequest:
        for name, given in self._given.items():
            check_rendered(name, given=given, rendered=getattr(self, name))
        return self._request(target, self.code)

    def _request(self, target: object, code: str | None) -> FiringRequest:
        from airflow_provider_bitrix24._tasks.firing import FiringRequest

        return FiringRequest.parse(
            target,
            code=code,
            expected_stage=self.expected_stage,
            verify=self.verify,
            on_unmoved=self.on_unmoved,
            wait_timeout=self.wait_timeout,
        )

    def resume_firing(self, context: Context, event: object = None) -> dict[str, Any]:  # noqa: ARG002 - Airflow passes it
        """Continue from the checkpoint after a wait outside the worker. Ends as :meth:`execute` does."""
        return self.execute(context)

    def on_kill(self) -> None:
        """Stop the firing before its next request. Nothing depends on this being called in time."""
        if self._checkpoint_store is not None:
            self._checkpoint_store.stop_firing()

    def _leave_for(self, seconds: float) -> NoReturn:
        from datetime import timedelta

        from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger

        self.log.info("Giving the worker slot back for %.0f s; the firing goes on from its checkpoint.", seconds)
        self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=seconds)), method_name="resume_firing")

    def _fire(self, context: Context, request: FiringRequest, checkpoint_store: TaskCheckpointStore) -> TriggerReport:
        from airflow_provider_bitrix24._tasks.checkpoint import DeferWait
        from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook

        count = counted(request.refs)
        with Bitrix24Hook(self.bitrix24_conn_id, verify_conn_id=self.verify_conn_id or None) as hook:
            # Before anything else, so that the link also works for a task that fails.
            url = hook.get_conn().portal.page_url(request.refs[0].page)
            context["ti"].xcom_push(key=ENTITY_URL_KEY, value=url)
            self.log.info("Firing %s for %s.", f"trigger {request.code!r}" if request.code else "the trigger", count)
            try:
                report = hook.trigger_automation(
                    request.refs,
                    request.code,
                    expected_stage=request.expected,
                    verify=request.verify,
                    checkpoint_store=checkpoint_store,
                )
            except (Bitrix24Error, DeferWait):
                raise  # nothing was fired, or everything is saved
            except BaseException as error:
                # The execution time-out or a signal: some may have been fired, and it is not known which.
                if request.repeatable or checkpoint_store.survives:
                    raise
                raise AirflowFailException(interrupted(count, error)) from error
            self._log_results(each for each in report.results if not (request.waits and each.outcome == "unmoved"))
            if request.waits and report.unmoved:
                checkpoint_store.amend(request.refs, report.results, awaited=True)
                report = self._wait(context, hook, request, report)
        return report

    def _wait(
        self, context: Context, hook: Bitrix24Hook, request: FiringRequest, report: TriggerReport
    ) -> TriggerReport:
        """Wait until all have arrived or time is up."""
        from airflow_provider_bitrix24.operators._waiting import Wait, waiting_targets

        keep_report = partial(_keep_report, context)
        keep_report(report)
        wait = Wait(
            expected=request.expected or (),
            timeout=request.wait_timeout or 0,
            interval=self.poke_interval,
            clock=self._clock,
        )
        if self.deferrable and wait.timeout:
            count = counted(waiting_targets(report))
            self.log.info(
                "Giving the worker slot back; the triggerer waits for %s for up to %.0f s.", count, wait.timeout
            )
            trigger = wait.on_triggerer(context["ti"], report, self.bitrix24_conn_id, self.verify_conn_id or None)
            self.defer(trigger=trigger, method_name="execute_complete")
        return wait.in_worker(hook, report, log=self.log, log_results=self._log_results, keep_report=keep_report)

    def execute_complete(self, context: Context, event: object = None) -> dict[str, Any]:
        """Conclude after a wait on the triggerer. Ends as :meth:`execute` does.

        :raises LostEventError: the event is missing or unknown, so it is not known which entities have arrived.
        """
        from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook
        from airflow_provider_bitrix24.operators._waiting import after_wait, waiting_targets

        with (
            permanent_errors_fail_at_once(),
            Bitrix24Hook(self.bitrix24_conn_id, verify_conn_id=self.verify_conn_id or None) as hook,
        ):
            # This process has not read the connection yet, so it does not mask the secret in its log.
            hook.get_conn()
        before, report = after_wait(context["ti"], event, keep_report=partial(_keep_report, context))
        awaited = set(waiting_targets(before))
        self._log_results(each for each in report.results if each.target in awaited)
        # The report names what was fired, whatever the templates render to now.
        request = self._request([each.target for each in report.results], report.code)
        return self._conclude(context, request, report, self._open_checkpoint(context))

    def _log_results(self, results: Iterable[TargetResult]) -> None:
        from airflow_provider_bitrix24._tasks.report_log import report_lines

        for level, line in report_lines(list(results), quiet_unmoved=self.on_unmoved == "ignore"):
            log = self.log.info if level == logging.INFO else self.log.warning
            log("%s", line)

    def _conclude(
        self,
        context: Context,
        request: FiringRequest,
        report: TriggerReport,
        checkpoint_store: TaskCheckpointStore,
    ) -> dict[str, Any]:
        """Return the report, or put it in XCom and end the task another way."""
        shown = report.as_dict()
        counts = ", ".join(f"{shown[name]} {name}" for name in ("moved", "already", "unmoved", "unverified", "failed"))
        self.log.info("Of %d: %s.", len(report.results), counts)
        verdict = decide(
            report,
            on_unmoved=request.on_unmoved,
            repeatable=request.repeatable,
            checkpoint=checkpoint_store.survives,
        )
        if verdict.end in ("succeed", "skip"):
            checkpoint_store.delete()
        elif request.waits:
            checkpoint_store.amend(request.refs, report.results, awaited=False)
        if verdict.end != "succeed" or request.waits:
            _keep_report(context, report)
        verdict.raise_for_airflow(report)
        return shown


def _keep_report(context: Context, report: TriggerReport) -> None:
    context["ti"].xcom_push(key=REPORT_KEY, value=report.as_dict())
