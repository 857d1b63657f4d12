"""What an error or a report means for Airflow: succeed, skip, fail with a retry, or fail permanently.

A retry is safe only if it cannot move an entity a second time. Bitrix24 has no idempotency key, so after something was
fired, the next try must be able to see what is done: with ``expected_stage`` it reads each entity and leaves out those
that stand there. :mod:`..client.errors` says which errors are permanent.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from airflow_provider_bitrix24._tasks.wording import listed
from airflow_provider_bitrix24.client.errors import Bitrix24Error
from airflow_provider_bitrix24.compat import AirflowFailException, AirflowSkipException
from airflow_provider_bitrix24.exceptions import TargetsFailedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider_bitrix24.client.report import Outcome, TargetResult, TriggerReport

OnUnmoved = Literal["ignore", "warn", "skip", "fail"]
"""What a task does about entities that were fired and did not move."""

UNSAFE_RETRIES = (
    "The task has retries, but neither expected_stage nor an Airflow that can store a checkpoint (3.3, "
    "with durable=True): if this worker is killed while it fires, the next try fires the same entities "
    "again and may move them twice. Set expected_stage, or retries=0."
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a task ends, and why."""

    end: Literal["succeed", "skip", "retry", "fail"]
    message: str = ""

    def raise_for_airflow(self, report: TriggerReport) -> None:
        """Raise the exception that makes Airflow end the task this way; return if the task succeeds."""
        match self.end:
            case "succeed":
                return
            case "skip":
                raise AirflowSkipException(self.message)
            case "retry":
                raise TargetsFailedError(self.message, report)
            case "fail":
                raise AirflowFailException(self.message)


@contextmanager
def permanent_errors_fail_at_once() -> Iterator[None]:
    """Fail the task without retries if no retry can help. Other errors pass through and are retried.

    :raises AirflowFailException: in place of a permanent error.
    """
    try:
        yield
    except Bitrix24Error as error:
        if error.permanent:
            raise AirflowFailException(str(error)) from error
        raise


def decide(report: TriggerReport, *, on_unmoved: OnUnmoved, repeatable: bool, checkpoint: bool = False) -> Verdict:
    """Decide how a task with this report ends.

    :param repeatable: whether the next try leaves out entities that have arrived, as it does with ``expected_stage``.
    :param checkpoint: whether the next try knows what this one has done.
    """
    failed, unmoved = _of(report, "failed"), _of(report, "unmoved")
    message = problems_of(report, unmoved_too=on_unmoved == "fail")
    if message:
        if _retry_is_useless(failed, unmoved, on_unmoved):
            return Verdict("fail", message)
        return Verdict("retry", message) if checkpoint else _failure(message, report, repeatable=repeatable)
    if unmoved and on_unmoved == "skip" and not report.moved + report.already + report.unverified:
        return Verdict("skip", f"None of {len(unmoved)} targets moved: {_named(unmoved)}")
    return Verdict("succeed")


def problems_of(report: TriggerReport, *, unmoved_too: bool) -> str:
    """Name the targets that failed and, with ``unmoved_too``, those that did not move; empty if there are none."""
    count = len(report.results)
    problems = []
    if failed := _of(report, "failed"):
        problems.append(f"{len(failed)} of {count} targets failed: {_named(failed)}")
    if unmoved_too and (unmoved := _of(report, "unmoved")):
        problems.append(f"{len(unmoved)} of {count} targets did not move: {_named(unmoved)}")
    return " ".join(problems)


def _of(report: TriggerReport, outcome: Outcome) -> list[TargetResult]:
    return [result for result in report.results if result.outcome == outcome]


def interrupted(count: str, error: BaseException) -> str:
    """Say why a task that was interrupted while it fired must not be retried.

    :param count: the entities it fired, as :func:`.wording.counted` names them.
    """
    return (
        f"Interrupted while firing {count} ({type(error).__name__}). No retry follows: some may have been fired; "
        "repeating could move them twice. Set expected_stage to make retries safe."
    )


def _retry_is_useless(failed: Sequence[TargetResult], unmoved: Sequence[TargetResult], on_unmoved: OnUnmoved) -> bool:
    """Whether the next try would end as this one does."""
    if unmoved and on_unmoved == "fail":
        return False
    return all(result.error is not None and result.error.permanent for result in failed)


def _failure(message: str, report: TriggerReport, *, repeatable: bool) -> Verdict:
    fired = sum(_was_fired(result) for result in report.results)
    if not fired or (repeatable and not report.unverified):
        return Verdict("retry", message)
    if repeatable:
        advice = (
            f"{report.unverified} were fired and cannot be read back; repeating could move them twice. "
            "Give a webhook that may read, in verify_conn_id."
        )
    else:
        advice = f"{fired} were fired; repeating could move them twice. Set expected_stage to make retries safe."
    return Verdict("fail", f"{message} No retry follows: {advice}")


def _was_fired(result: TargetResult) -> bool:
    if result.outcome == "failed":
        return result.error is None or result.error.executed != "no"
    return result.outcome != "already"


def _named(results: Sequence[TargetResult]) -> str:
    return f"{listed([_described(result) for result in results], '; ').rstrip('.')}."


def _described(result: TargetResult) -> str:
    if result.error is not None:
        return f"{result.target}: {result.error.message.rstrip('.')}"
    if result.stage_before == result.stage_after:
        return f"{result.target} stands at {result.stage_after}"
    return f"{result.target} went from {result.stage_before} to {result.stage_after}"
