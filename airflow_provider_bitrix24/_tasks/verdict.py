"""What an error or a report means for Airflow: succeed, skip, fail so that a retry follows, or fail permanently.

A retry is safe only where it cannot move an entity a second time. Bitrix24 has no idempotency key, so once
something was fired, a next try must be able to see what is done: with ``expected_stage`` it reads each
entity and leaves out those that stand there. :mod:`..client.errors` defines which are permanent.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from airflow_provider_bitrix24._tasks.sentence import Asked, results_with
from airflow_provider_bitrix24._tasks.wording import noun, standing
from airflow_provider_bitrix24.client.errors import Bitrix24Error
from airflow_provider_bitrix24.client.report import MISSING
from airflow_provider_bitrix24.compat import AirflowFailException, AirflowNotFoundException, AirflowSkipException
from airflow_provider_bitrix24.exceptions import TargetsFailedError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from types import TracebackType

    from airflow_provider_bitrix24._tasks.arguments import OnUnmoved
    from airflow_provider_bitrix24._tasks.sentence import Waited
    from airflow_provider_bitrix24.client.entities.update_report import UpdateReport
    from airflow_provider_bitrix24.client.report import TargetResult, TriggerReport

UNSAFE_RETRIES = (
    "The task has retries, but neither expected_stage nor an Airflow that can store a checkpoint (3.3, "
    "with durable=True): if this worker is killed while it fires, the next try fires the same entities "
    "again and may move them twice. Set expected_stage, or retries=0."
)
OUT_OF_REACH = (
    "No retry follows: it would find the same pipelines. Correct expected_stage; if a robot changes the pipeline, "
    "wait for it with wait_timeout."
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a task ends, and why."""

    end: Literal["succeed", "skip", "retry", "fail"]
    message: str = ""

    def raise_for_airflow(self, report: TriggerReport | UpdateReport) -> None:
        """Raise what makes Airflow end the task so; return if it succeeds."""
        match self.end:
            case "succeed":
                return
            case "skip":
                raise AirflowSkipException(self.message)
            case "retry":
                raise TargetsFailedError(self.message, report)
            case "fail":
                raise AirflowFailException(self.message)


_CHOSEN = (AirflowFailException, AirflowSkipException, TargetsFailedError, Bitrix24Error)
"""Errors whose sentence says everything."""


class PlainEnding:
    """Ends a task with a sentence: what the task has chosen itself needs no traceback through this package."""

    def __enter__(self) -> None:
        """Nothing begins."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the frames below the caller off an ending; whatever has a cause keeps them."""
        if isinstance(error, AirflowNotFoundException):
            advice = "Add the connection, or correct the id that the task names."
            raise AirflowNotFoundException(f"{str(error).rstrip('.')}. {advice}") from None
        if isinstance(error, _CHOSEN) and error.__cause__ is None:
            raise error.with_traceback(None) from None


@contextmanager
def permanent_errors_fail_at_once() -> Iterator[None]:
    """Let a task fail without retries where no retry helps. Other errors pass through and are retried.

    :raises AirflowFailException: in place of a permanent error.
    """
    try:
        yield
    except Bitrix24Error as error:
        if error.permanent:
            raise AirflowFailException(str(error)) from None
        raise


def decide(
    report: TriggerReport,
    *,
    on_unmoved: OnUnmoved,
    expected: Collection[str],
    or_later: bool = False,
    fail_on: Collection[str] = (),
    checkpoint: bool = False,
    wait: Waited | None = None,
) -> Verdict:
    """Say how a task with this report ends.

    :param expected: stages, any of which is accepted; a next try leaves out what stands at one.
    :param or_later: whether later stages are accepted, too.
    :param fail_on: stages where a single entity fails the task, whatever ``on_unmoved`` says.
    :param checkpoint: whether a next try knows what this one has done.
    :param wait: the wait for robots, if there was one.
    """
    asked = Asked(expected=expected, or_later=or_later, wait=wait)
    failed, late = results_with(report, "failed"), results_with(report, "unmoved", "elsewhere")
    if lost := {each.target: each.stage_after for each in report.results if each.stage_after in fail_on}:
        count = f"{len(lost):,} of {len(report.results):,} {noun(lost, len(report.results))}"
        return Verdict("fail", f"{count} reached a stage in fail_on: {standing(lost)}.")
    message = asked.problems_of(report, late_too=on_unmoved == "fail")
    if message:
        if all(_is_permanent(result, checkpoint=checkpoint) for result in failed):
            if not (late and on_unmoved == "fail"):
                return Verdict("fail", message)
            if wait is None and all(result.place == "aside" for result in late):
                return Verdict("fail", f"{message} {OUT_OF_REACH}")
        return Verdict("retry", message) if checkpoint else _failure(message, report, expected=expected)
    stayed = not report.moved + report.already + report.elsewhere + report.unverified
    if late and on_unmoved == "skip" and stayed:
        return Verdict("skip", f"Skipped: {asked.late_sentence(late, report)}")
    return Verdict("succeed")


def may_have_been_fired(result: TargetResult) -> bool:
    """Whether the portal may have acted on this target."""
    if result.outcome == "failed":
        return result.error is None or result.error.executed != "no"
    return result.outcome != "already"


def _is_permanent(result: TargetResult, *, checkpoint: bool) -> bool:
    """Whether a next try would find it as it is. With a checkpoint, what was lost may be looked at once more."""
    return result.error is not None and result.error.permanent and not (checkpoint and _is_lost(result))


def _is_lost(result: TargetResult) -> bool:
    """Whether it was fired and the portal lets nobody look any more, so that it may have moved anywhere."""
    error = result.error
    if error is None or result.stage_after is not None or error.message == MISSING:
        return False
    return error.executed == "unknown" and error.permanent


def _failure(message: str, report: TriggerReport, *, expected: Collection[str]) -> Verdict:
    """The end without a checkpoint: a retry follows only where it can see what this try has done."""
    danger = danger_of_a_retry(report, expected=expected)
    return Verdict("retry", message) if danger is None else Verdict("fail", f"{message} No retry follows: {danger}")


def danger_of_a_retry(report: TriggerReport, *, expected: Collection[str]) -> str | None:
    """Say why a retry could move entities twice that has no checkpoint, or ``None`` where it could not.

    :param expected: stages; a retry leaves out what stands at one of them.
    """
    fired = [result for result in report.results if may_have_been_fired(result)]
    blind = [result for result in fired if result.outcome == "unverified" or result.stage_before is None]
    unread = blind or [result for result in fired if _is_lost(result)]
    if not fired:
        return None
    if not expected:
        return f"{_fired(fired)}; repeating could move {_them(fired)} twice. Set expected_stage to make retries safe."
    if unread:
        advice = " Give a webhook that may read, in verify_conn_id." if blind else ""
        return f"{_fired(unread)} and cannot be read back; repeating could move {_them(unread)} twice.{advice}"
    if report.elsewhere:
        return f"{report.elsewhere:,} moved to another stage than expected; repeating could cause a second move."
    pipelines = {_prefix_of(stage) for stage in expected}
    still = [result for result in fired if result.outcome != "moved"]
    if aside := [result for result in still if _prefix_of(result.stage_before or "") not in pipelines]:
        return (
            f"{_fired(aside)}, in a pipeline that has none of the expected stages, so a retry could not see a later "
            "move. Add the stages of that pipeline to expected_stage."
        )
    return None


def _fired(results: Sequence[TargetResult]) -> str:
    return f"{len(results):,} {'was' if len(results) == 1 else 'were'} fired"


def _them(results: Sequence[TargetResult]) -> str:
    return "it" if len(results) == 1 else "them"


def _prefix_of(stage: str) -> str:
    """The prefix that a stage's id shares with all of its pipeline, such as ``DT31_2`` or ``C5``; empty without one."""
    return stage.rpartition(":")[0]
