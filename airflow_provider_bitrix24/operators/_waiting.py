"""A task's wait for the entities that it has fired: in its worker, or on the triggerer.

Both ways check the same entities at the same times and end with the same report.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24._tasks.deferred_report import DEFERRED_REPORT_KEY, dump_report, load_report
from airflow_provider_bitrix24._tasks.sentence import Waited
from airflow_provider_bitrix24._tasks.waiting import StageWait, next_check, update
from airflow_provider_bitrix24._tasks.wording import counted
from airflow_provider_bitrix24.client.errors import Bitrix24Error, TransportError
from airflow_provider_bitrix24.compat import AirflowFailException

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Self

    from airflow_provider_bitrix24._tasks.firing import FiringRequest
    from airflow_provider_bitrix24._tasks.report_keeper import ReportKeeper
    from airflow_provider_bitrix24._tasks.run import TaskRun
    from airflow_provider_bitrix24.client import TriggerReport
    from airflow_provider_bitrix24.client.clock import Clock
    from airflow_provider_bitrix24.compat import BaseTrigger
    from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook
    from airflow_provider_bitrix24.triggers.stage import StageTrigger

_DIGEST = "expects"
"""Beside the report of a deferred task: for which stages it waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """What a task waits for.

    :param expected: stage ids, any of which is accepted.
    :param or_later: whether later stages are accepted, too.
    :param fail_on: stage ids where a single entity ends the wait.
    :param timeout: seconds until the wait ends without success.
    :param interval: seconds between two checks.
    :param digest: of what the task expects; see :attr:`.FiringRequest.digest`.
    """

    expected: Collection[str]
    or_later: bool
    fail_on: Collection[str]
    timeout: float
    interval: float
    clock: Clock
    digest: str

    @classmethod
    def of(cls, request: FiringRequest, *, interval: float, clock: Clock) -> Self:
        """The wait that a task asks for."""
        return cls(
            expected=request.expected or (),
            or_later=request.or_later,
            fail_on=request.fail_on,
            timeout=request.wait_timeout or 0,
            interval=interval,
            clock=clock,
            digest=request.digest,
        )

    def in_worker(self, hook: Bitrix24Hook, report: TriggerReport, run: TaskRun, *, log: Any) -> Waited:
        """Check the entities that have not arrived until all are settled, or until time is up.

        :param report: the report of the fire.
        :param run: receives the newest report.
        :param log: the task's logger.
        :raises Bitrix24Error: the portal refuses permanently.
        :raises TaskKilledError: Airflow is ending the task.
        """
        from airflow_provider_bitrix24.client.expected import ExpectedStages

        run.keeper.note(report)
        before, targets = report, waiting_targets(report)
        stages = ExpectedStages.for_wait(targets, self.expected, or_later=self.or_later, fail_on=self.fail_on)
        wait = StageWait(targets=targets, stages=stages, require="each")
        clock = self.clock
        deadline = clock.monotonic() + self.timeout
        interval = clock.jitter(self.interval)
        while not wait.finished:
            delay = next_check(now=clock.monotonic(), deadline=deadline, interval=interval)
            if delay is None:
                break
            interval = self.interval
            log.info("Waiting for %s to arrive; checking again in %.0f s.", counted(wait.targets), max(1.0, delay))
            run.store.pause(delay, clock)
            try:
                wait.observe(hook.get_stages(wait.targets, learn=wait.stages))
            except Bitrix24Error as error:
                if error.permanent:
                    raise
                log.warning("This check of the stages failed: %s", error)
                continue
            report = update(report, wait.check)
            run.keeper.note(report)
            settled = {*wait.check.arrived, *wait.check.missing, *wait.check.final}
            run.report_log.write((each for each in report.results if each.target in settled), report)
        cut_short = wait.at_final_stages if wait.done and wait.check.final else ""
        return Waited(before=before, after=report, seconds=self.timeout, cut_short=cut_short)

    def on_triggerer(self, ti: Any, report: TriggerReport, conn_id: str, verify_conn_id: str | None) -> StageTrigger:
        """Store the report and return the Airflow trigger that waits in place of the worker.

        :param ti: the task instance, whose XCom stores the report.
        """
        from airflow_provider_bitrix24.triggers.stage import StageTrigger

        ti.xcom_push(key=DEFERRED_REPORT_KEY, value=dump_report(report) | {_DIGEST: self.digest})
        return StageTrigger(
            targets=waiting_targets(report),
            expected_stage=self.expected,
            or_later=self.or_later,
            fail_on=self.fail_on,
            deadline=self.clock.now() + self.timeout,
            poke_interval=self.interval,
            require="each",
            bitrix24_conn_id=conn_id,
            verify_conn_id=verify_conn_id,
        )


def trigger_after(seconds: float) -> BaseTrigger:
    """The Airflow trigger that only lets time pass."""
    from datetime import timedelta

    from airflow_provider_bitrix24.compat import TimeDeltaTrigger

    return TimeDeltaTrigger(timedelta(seconds=seconds))


def after_wait(ti: Any, event: object, keeper: ReportKeeper[TriggerReport], asked: FiringRequest) -> Waited:
    """Return the reports before and after a wait on the triggerer.

    :param event: what the Airflow trigger fired.
    :param keeper: receives the newest report.
    :param asked: what the task asks for now.
    :raises LostEventError: the event or the report is missing or does not fit, so it is not known which entities
        have arrived.
    :raises AirflowFailException: the portal refuses permanently.
    :raises TransportError: the triggerer could not read the stages for too long; a retry may help.
    """
    from airflow_provider_bitrix24.exceptions import LostEventError
    from airflow_provider_bitrix24.triggers.event import WaitEvent

    kept = _kept(ti)
    before = load_report(kept)
    if before is None:
        raise LostEventError(
            "The task was woken, but its report is not in XCom under "
            f"{DEFERRED_REPORT_KEY!r}. Which entities have arrived is not known."
        )
    keeper.note(before)
    if kept.get(_DIGEST, asked.digest) != asked.digest:  # absent where an earlier version wrote it
        raise LostEventError(
            "The task was woken, but expected_stage, or_later or fail_on has changed while it waited. Which entities "
            "have arrived where they should now is not known."
        )
    ended = WaitEvent.read(event, targets=waiting_targets(before), require="each")
    after = update(before, ended.check)
    keeper.note(after)
    if ended.status == "error":
        if ended.permanent:
            raise AirflowFailException(ended.message)
        raise TransportError(ended.message)
    cut_short = ended.message if ended.status == "timeout" else ""
    return Waited(before=before, after=after, seconds=asked.wait_timeout or 0, cut_short=cut_short)


def deferred_report(ti: Any) -> TriggerReport | None:
    """Return the report with which a task was deferred, if it was after a firing."""
    return load_report(_kept(ti))


def _kept(ti: Any) -> Any:
    return ti.xcom_pull(task_ids=ti.task_id, key=DEFERRED_REPORT_KEY, map_indexes=ti.map_index)


def waiting_targets(report: TriggerReport) -> list[str]:
    """Return the targets that were fired, have not arrived, and can still do so: no pipeline ends where they stand."""
    return [
        result.target
        for result in report.results
        if result.outcome in ("unmoved", "elsewhere") and result.place != "final"
    ]
