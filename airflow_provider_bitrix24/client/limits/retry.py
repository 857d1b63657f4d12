"""May a call be repeated, and after how long? Pure: an error and a count in, a delay or ``None`` out.

A call may be repeated where the portal certainly did not act, or where acting twice does no harm. A fire whose
effect is unknown is not this module's business: :mod:`..firing` reads the entity first.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_bitrix24.client.errors import (
    AuthenticationError,
    Bitrix24Error,
    OperatingLimitError,
    RateLimitError,
)
from airflow_provider_bitrix24.client.values import WINDOW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

K = TypeVar("K")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how soon a call is repeated. Times are in seconds.

    The portal sends no Retry-After, so delays grow by ``factor`` from ``first_delay`` to ``longest_delay``.
    """

    attempts: int = 5
    """How often one request is sent at most while the portal fails or cannot be reached."""
    limit_attempts: int = 10
    """The same for refusals by a limit: such requests certainly did not run."""
    first_delay: float = 1.0
    longest_delay: float = 30.0
    factor: float = 2.0
    paced: bool = False
    """Whether the client takes tokens from a bucket, which decides how long a request waits that the request limit
    refused: then the delay stays at ``first_delay``, and there are ``paced_attempts``."""
    paced_attempts: int = 25
    """Where many hosts share an address unknowingly, a new one may be refused many times before a request passes."""
    longest_pause: float = WINDOW
    """Longest wait for the bucket after a refusal."""
    operating_delay: float = 10.0
    """Shortest wait for the operating limit; it doubles with each refusal where the reset is not known."""
    longest_operating_delay: float = 120.0
    """Without a known reset, all delays together outlast the ten minutes over which the portal adds up working time."""

    def patient(self) -> RetryPolicy:
        """The same policy for reading what was fired: giving up leaves outcomes unknown, so it outlasts minutes."""
        return replace(self, attempts=max(self.attempts, self.limit_attempts))

    def delay(
        self, error: Bitrix24Error, attempt: int, *, idempotent: bool, random: Callable[[], float]
    ) -> float | None:
        """Seconds until the next attempt, or ``None`` if there must be none.

        :param attempt: attempts made so far that ended for the same reason, from 1; see :class:`Tries`.
        :param idempotent: whether repeating is harmless.
        :param random: gives a number from 0 to 1, for jitter.
        """
        if isinstance(error, OperatingLimitError):
            if attempt >= self.limit_attempts:
                return None
            blind = min(self.longest_operating_delay, self.operating_delay * self.factor ** (attempt - 1))
            # One second more, as the portal counts in whole seconds.
            return max(blind, min(error.reset_in or 0.0, WINDOW) + 1.0)
        if isinstance(error, RateLimitError):
            if self.paced:
                return self.first_delay * (0.5 + 0.5 * random()) if attempt < self.paced_attempts else None
            return self._backoff(attempt, self.limit_attempts, random)
        if isinstance(error, AuthenticationError) and error.has_new_token:
            return 0.0 if attempt < self.attempts else None
        if error.permanent or not (idempotent or error.executed == "no"):
            return None
        return self._backoff(attempt, self.attempts, random)

    def _backoff(self, attempt: int, limit: int, random: Callable[[], float]) -> float | None:
        if attempt >= limit:
            return None
        longest = min(self.longest_delay, self.first_delay * self.factor ** (attempt - 1))
        return longest * (0.5 + 0.5 * random())


@dataclass(slots=True)
class Tries:
    """Counts the tries in a row that came to nothing.

    Refusals by each limit and failures count apart: a portal that is busy for long may still fail for a moment.
    """

    _counts: Counter[str] = field(default_factory=Counter)

    def next(self, error: Bitrix24Error) -> int:
        """The number of the try that ended with this error and is not counted yet, from 1."""
        return self._counts[_reason(error)] + 1

    def count(self, errors: Iterable[Bitrix24Error]) -> None:
        """Count one try, in which these errors occurred."""
        self._counts.update({_reason(error) for error in errors})

    def clear(self) -> None:
        """Something was done, so that a new row begins."""
        self._counts.clear()


def _reason(error: Bitrix24Error) -> str:
    return error.limit if isinstance(error, RateLimitError) else "failure"


@dataclass(slots=True, kw_only=True)
class Backoff:
    """Counts the tries of one request and says how long to wait after each.

    :param idempotent: whether repeating is harmless.
    :param random: gives a number from 0 to 1, for jitter.
    """

    policy: RetryPolicy
    idempotent: bool
    random: Callable[[], float]
    tries: Tries = field(default_factory=Tries)

    def after(self, error: Bitrix24Error) -> float | None:
        """Count a try that failed. Returns the seconds to wait, or ``None`` if there must be no other try."""
        return self.after_each({None: error}).get(None)

    def after_each(self, errors: Mapping[K, Bitrix24Error]) -> dict[K, float]:
        """Count a try in which parts of a request failed. Returns the seconds to wait for each part to be repeated."""
        delays = {
            key: self.policy.delay(error, self.tries.next(error), idempotent=self.idempotent, random=self.random)
            for key, error in errors.items()
        }
        self.tries.count(errors.values())
        return {key: delay for key, delay in delays.items() if delay is not None}
