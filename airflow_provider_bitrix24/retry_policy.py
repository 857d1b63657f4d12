"""When, and whether, Airflow should try a failed task again (Airflow 3.3 and later).

The operators of this package fail at once by themselves where no retry helps. The policy does the same for
tasks that call the hook, and for all of them it sets the delay: until the portal accepts the method again, or
longer from try to try while it refuses. What an error means is said in :mod:`.client.errors`.

The module can be imported on any Airflow; making a policy needs 3.3.
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
    RateLimitError,
)
from airflow_provider_bitrix24.exceptions import TargetsFailedError

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.report import TargetError
    from airflow_provider_bitrix24.compat import Context, RetryDecision, RetryPolicy
else:
    try:
        from airflow_provider_bitrix24.compat import RetryDecision, RetryPolicy
    except ImportError:  # before Airflow 3.3
        RetryDecision, RetryPolicy = None, object

UNTOLD_RESET = 60.0
"""Seconds until a next try where the portal has not said when it resets. It counts working time by the minute
and frees the oldest one first."""
SPREAD = 10.0
"""Tasks that were refused together come back within this many seconds, not all at once."""


class Bitrix24RetryPolicy(RetryPolicy):
    """Fails at once what no retry can help, retries at the operating reset, backs off where refused.

    Everything else is left to the task's ``retry_delay``. A task is never tried more often than its ``retries``
    say.

    >>> PythonOperator(
    ...     task_id="read_deals", python_callable=read, retries=5, retry_policy=Bitrix24RetryPolicy()
    ... )  # doctest: +SKIP

    :param first_delay: seconds until the first retry of a task that was refused for too many requests; each
        further one takes twice as long.
    :param longest_delay: seconds that such a delay grows to.
    :raises ConfigurationError: this Airflow has no retry policies, or a delay is wrong.
    """

    _clock: ClassVar[Clock] = SYSTEM_CLOCK  # tests pass another

    def __init__(self, *, first_delay: float = 30.0, longest_delay: float = 600.0) -> None:
        if RetryDecision is None:
            raise ConfigurationError(
                "Bitrix24RetryPolicy needs Airflow 3.3 or later.",
                hint="Leave retry_policy out: operators of this package fail at once by themselves where no retry "
                "helps.",
            )
        if not 0 < first_delay <= longest_delay:
            raise ConfigurationError(
                f"first_delay is {first_delay!r} and longest_delay {longest_delay!r}.",
                hint="Use seconds above 0, the first delay not above the longest.",
            )
        self.first_delay = first_delay
        self.longest_delay = longest_delay

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,
        max_tries: int,  # noqa: ARG002 - Airflow holds to it
        context: Context | None = None,  # noqa: ARG002 - the error says enough
    ) -> RetryDecision:
        """Decide what follows after a try has failed.

        :param exception: what the task raised.
        :param try_number: number of the try that failed, from 1.
        """
        errors = _errors_in(exception)
        if isinstance(exception, Bitrix24Error) and all(error.permanent for error in errors):
            return RetryDecision.fail(f"No retry helps: {exception}")
        if resets := [_reset_in(error) for error in errors if _is(error, OperatingLimitError)]:
            return self._retry(max(resets), "The portal's operating limit is reached")
        if any(_is(error, RateLimitError) for error in errors):
            longest = min(self.longest_delay, self.first_delay * 2.0 ** min(try_number - 1, 30))
            return self._retry(longest / 2, "The portal takes no more requests for now", spread=longest / 2)
        return RetryDecision.default()

    def _retry(self, seconds: float, reason: str, *, spread: float = SPREAD) -> RetryDecision:
        delay = seconds + spread * self._clock.random()
        return RetryDecision.retry(timedelta(seconds=delay), f"{reason}; trying again in {delay:.0f} s.")

    def serialize(self) -> dict[str, Any]:
        """As JSON."""
        return {"first_delay": self.first_delay, "longest_delay": self.longest_delay}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Bitrix24RetryPolicy:
        """Build what :meth:`serialize` has described."""
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


def _is(error: Bitrix24Error | TargetError, kind: type[Bitrix24Error]) -> bool:
    """Whether it is of this kind; of a target's error only the portal's code is left."""
    from airflow_provider_bitrix24.client.protocol.error_codes import CODES

    if isinstance(error, Bitrix24Error):
        return isinstance(error, kind)
    return error.code in CODES and issubclass(CODES[error.code].error, kind)


def _reset_in(error: Bitrix24Error | TargetError) -> float:
    told = error.reset_in if isinstance(error, OperatingLimitError) else None
    # One second more, as the portal counts in whole seconds.
    return UNTOLD_RESET if told is None else told + 1.0
