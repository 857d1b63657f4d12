"""How Airflow ends a try by what it raised: the order of the task runner's ``except`` clauses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from tests.histories.timeline import EndlessError, Killed


@dataclass(frozen=True, slots=True)
class End:
    """How a try ended. ``delay``: seconds until the next one, where a retry policy or a reschedule said so."""

    state: str
    error: BaseException | None = None
    delay: float | None = None
    deferral: Any = None


def end_of(error: BaseException, operator: Any, ti: Any, context: dict[str, Any], *, should_retry: bool) -> End:
    """Return how a try ends that raised ``error``.

    :param should_retry: whether a try is left.
    """
    from airflow.sdk.exceptions import (
        AirflowFailException,
        AirflowRescheduleException,
        AirflowSensorTimeout,
        AirflowSkipException,
        TaskDeferred,
    )

    match error:
        case EndlessError():
            raise error
        case Killed():
            return End("killed", error)
        case TaskDeferred():
            return End("deferred", None, deferral=error)
        case AirflowSkipException():
            return End("skipped", error)
        case AirflowRescheduleException():
            return End("rescheduled", None, delay=operator.poke_interval)
        case AirflowFailException() | AirflowSensorTimeout():
            return End("failed", error)
    delay = None
    if getattr(operator, "retry_policy", None) is not None:
        decision = operator.retry_policy.evaluate(error, ti.try_number, ti.max_tries, context)
        if decision.action.value == "fail":
            return End("failed", error)
        delay = decision.retry_delay.total_seconds() if decision.retry_delay else None
    return End("up_for_retry" if should_retry else "failed", error, delay=delay)


def raised_by(interruption: Literal["timeout", "exit", "sigterm"]) -> BaseException:
    """What an interruption raises inside a task."""
    from airflow.sdk.exceptions import AirflowTaskTerminated, AirflowTaskTimeout

    match interruption:
        case "timeout":
            return AirflowTaskTimeout("Timeout")
        case "exit":
            return SystemExit(1)
        case "sigterm":
            return AirflowTaskTerminated("Task received SIGTERM signal")
