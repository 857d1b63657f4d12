"""Decides whether, and when, Airflow retries a failed task (Airflow 3.3 and later).

The operators of this package fail at once if no retry can help. The policy does the same for tasks that call the hook,
and sets the delay of all retries: until the portal accepts the method again, or longer from try to try while the portal
refuses requests. :mod:`.client.errors` says what an error means.

Any Airflow can import the module, but creating a policy needs 3.3.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_bitrix24.client.clock import SYSTEM_CLOCK, Clock
from airflow_provider_bitrix24.client.errors import (
    BatchError,
    Bitrix24Error,
    ConfigurationError,
    OperatingLimitError,
)
from airflow_provider_bitrix24.client.number_range import SECONDS_ABOVE_ZERO
from airflow_provider_bitrix24.client.plain import in_seconds, quoted
from airflow_provider_bitrix24.exceptions import TargetsFailedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_bitrix24.client.report import TargetError
    from airflow_provider_bitrix24.compat import Context, RetryDecision, RetryPolicy
else:
    try:
        from airflow_provider_bitrix24.compat import RetryDecision, RetryPolicy
    except ImportError:  # before Airflow 3.3
        RetryDecision, RetryPolicy = None, object

__all__ = ["Bitrix24RetryPolicy"]

DEFAULT_RESET = 60.0
"""Seconds until the next try if the portal did not say when it resets. It counts operating time by the minute and frees
the oldest minute first."""
SPREAD = 10.0
"""Tasks that were refused together are retried over this many seconds, not all at once."""


class Bitrix24RetryPolicy(RetryPolicy):
    """Fails a task at once if no retry can help, retries at the operating reset, backs off from the request limit.

    Other errors are retried after the task's ``retry_delay``. A task is never retried more often than its ``retries``
    allow.

    >>> PythonOperator(
    ...     task_id="read_deals", python_callable=read, retries=5, retry_policy=Bitrix24RetryPolicy()
    ... )  # doctest: +SKIP

    :param first_delay: seconds (or a ``timedelta``) until the first retry of a task that was refused for too many
        requests. The delay doubles with each further retry.
    :param longest_delay: the longest such delay, in seconds.
    :raises ConfigurationError: this Airflow has no retry policies, or a delay is wrong.
    """

    _clock: ClassVar[Clock] = SYSTEM_CLOCK

    def __init__(self, *, first_delay: float | timedelta = 30.0, longest_delay: float | timedelta = 600.0) -> None:
        if RetryDecision is None:
            raise ConfigurationError(
                "Bitrix24RetryPolicy needs Airflow 3.3 or later.",
                hint="Leave retry_policy out: operators of this package fail at once by themselves where no retry "
                "helps.",
            )
        self.first_delay: float = in_seconds(first_delay)
        self.longest_delay: float = in_seconds(longest_delay)
        delays = (self.first_delay, self.longest_delay)
        if not all(each in SECONDS_ABOVE_ZERO for each in delays) or self.first_delay > self.longest_delay:
            raise ConfigurationError(
                f"first_delay is {quoted(first_delay)} and longest_delay {quoted(longest_delay)}.",
                hint="Use seconds above 0, the first delay not above the longest.",
            )

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,
        max_tries: int,  # noqa: ARG002 - Airflow enforces it
        context: Context | None = None,  # noqa: ARG002 - the error is enough
    ) -> RetryDecision:
        """Decide what follows a failed try.

        :param exception: what the task raised.
        :param try_number: number of the try that failed, from 1.
        """
        errors = _errors_in(exception)
        if isinstance(exception, Bitrix24Error) and all(error.permanent for error in errors):
            return RetryDecision.fail(f"No retry helps: {exception}")
        if any(error.limit == "operating" for error in errors):
            return self._retry(_seconds_to_reset(errors), "The portal's operating limit is reached")
        if any(error.limit == "requests" for error in errors):
            longest = min(self.longest_delay, self.first_delay * 2.0 ** min(try_number - 1, 30))
            return self._retry(longest / 2, "The portal takes no more requests for now", spread=longest / 2)
        return RetryDecision.default()

    def _retry(self, seconds: float, reason: str, *, spread: float = SPREAD) -> RetryDecision:
        delay = seconds + spread * self._clock.random()
        return RetryDecision.retry(timedelta(seconds=delay), f"{reason}; trying again in {delay:.0f} s.")

    def serialize(self) -> dict[str, Any]:
        """Return the arguments as JSON."""
        return {"first_delay": self.first_delay, "longest_delay": self.longest_delay}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Bitrix24RetryPolicy:
        """Create a policy from what :meth:`serialize` returned."""
        return cls(**data)


def _errors_in(exception: BaseException) -> list[Bitrix24Error | TargetError]:
    match exception:
        case BatchError():
            return list(exception.errors.values())
        case Bitrix24Error():
            return [exception]
        case TargetsFailedError():
            return [result.error for result in exception.report.results if result.error is not None]
        case _:
            return []


def _seconds_to_reset(errors: Iterable[Bitrix24Error | TargetError]) -> float:
    """Return the longest reset that the portal has announced; a target's error does not keep it."""
    announced = [error.reset_in for error in errors if isinstance(error, OperatingLimitError)]
    # One second more, since the portal counts in whole seconds.
    return max((DEFAULT_RESET if seconds is None else seconds + 1.0 for seconds in announced), default=DEFAULT_RESET)
