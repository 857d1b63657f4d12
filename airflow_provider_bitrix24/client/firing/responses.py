"""What the answers to fired requests mean for their targets, and whether it makes sense to continue. Pure."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.errors import (
    ApiError,
    AuthenticationError,
    Bitrix24Error,
    PermissionDeniedError,
    PortalUnavailableError,
    RateLimitError,
    ServerError,
)
from airflow_provider_bitrix24.client.flows.batches import read_batch
from airflow_provider_bitrix24.client.flows.effects import Log
from airflow_provider_bitrix24.client.flows.readings import StageReadings, collect
from airflow_provider_bitrix24.client.limits.retry import Tries
from airflow_provider_bitrix24.client.protocol.batch import TARGET_SECONDS, CommandReply
from airflow_provider_bitrix24.client.protocol.wire import Reply

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_bitrix24.client.firing.job import Target
    from airflow_provider_bitrix24.client.firing.ledger import Ledger
    from airflow_provider_bitrix24.client.firing.requests import FireRequest, RequestBuilder
    from airflow_provider_bitrix24.client.flows.calls import Attempt, Channel

_NOT_IN_BATCH = "ERROR_BATCH_METHOD_NOT_ALLOWED"
MAX_REFUSED_IN_A_ROW = 10
"""Direct calls refused in a row, with none accepted, after which the credential is taken to be the reason."""


@dataclass(slots=True)
class ResponseHandler:
    """Books answers into the ledger and remembers what went wrong in a round of requests."""

    channel: Channel
    ledger: Ledger
    builder: RequestBuilder
    blocking_error: Bitrix24Error | None = None
    """Why something of this round did not run; an error that cannot be repeated outweighs the others."""
    rounds_lost: Tries = field(default_factory=Tries)
    """Rounds in a row in which nothing ran."""
    refused_in_a_row: int = 0
    executed: int = 0
    """Targets of the last request that the portal executed, or may have executed."""

    def record(self, request: FireRequest, attempt: Attempt, now: float) -> Log | None:
        """Book one request's answer. Returns what a person should know of it."""
        reply: Reply | Bitrix24Error | list[CommandReply] = attempt.reply
        self.executed = len(request.targets)
        if isinstance(reply, Reply):
            if request.is_batch:
                self.builder.sizer.note(attempt.received_at - attempt.sent_at, len(request.methods))
                reply = read_batch(self.channel, request.methods, reply, attempt)
            else:
                reply = [CommandReply(reply.result)]
        if isinstance(reply, Bitrix24Error):
            return self._record_failure(request, reply, attempt, now)
        count = len(request.targets)
        line = self._record_commands(request.targets, reply[:count], attempt, now)
        if request.reads:
            seen = StageReadings()
            collect(request.reads, reply[count:], seen)
            self.ledger.record_after(seen.found)
        return line

    def delay(self) -> float | None:
        """Seconds to wait before the next round, zero where all ran.

        :returns: ``None`` where repeating cannot help, or has not; the reason is in ``blocking_error``.
        """
        if self.blocking_error is None:
            return 0.0
        delay = self._delay(self.blocking_error)
        if delay is not None:
            self.rounds_lost.count([self.blocking_error])
        return delay

    def _record_commands(
        self, targets: Sequence[Target], replies: Sequence[CommandReply], attempt: Attempt, now: float
    ) -> Log | None:
        refused: list[Target] = []
        line: Log | None = None
        for target, reply in zip(targets, replies, strict=True):
            if reply.error is None:
                self.ledger.record_accepted(target, reply.value)
            elif isinstance(reply.error, RateLimitError):
                refused.append(target)
                self._record_blocking_error(reply.error)
            elif isinstance(reply.error, ApiError) and reply.error.code == _NOT_IN_BATCH:
                refused.append(target)
                self.builder.stop_batching()
                line = Log("The portal does not take this method in a batch. Continuing with one call per target.")
            elif reply.error.executed == "no":
                self.ledger.record_refused(target, reply.error)
            elif self.builder.job.repeatable:
                self._repeat([target], reply.error)
            else:
                # The batch answered in full, so the command is over and a reading tells at once.
                self._record_in_doubt([target], reply.error, attempt, now, over=True)
        self.ledger.return_unexecuted(refused)
        self.executed -= len(refused)
        if len(refused) < len(targets):
            self.rounds_lost.clear()
            self.refused_in_a_row = 0
        return line

    def _record_failure(self, request: FireRequest, error: Bitrix24Error, attempt: Attempt, now: float) -> Log | None:
        """Book a request that failed as a whole."""
        targets, seconds = request.targets, attempt.received_at - attempt.sent_at
        if error.executed != "no":
            if seconds > TARGET_SECONDS:
                self.builder.sizer.note(seconds, len(request.methods))
            if self.builder.job.repeatable:
                return self._repeat(targets, error)
            self._record_in_doubt(targets, error, attempt, now, over=isinstance(error, ApiError))
            return Log(
                f"{error.message} It is not known whether the portal acted on {_named(targets)}.", logging.WARNING
            )
        self.executed = 0
        if request.is_batch and isinstance(error, PermissionDeniedError):
            self.ledger.return_unexecuted(targets)
            if not self.builder.batches:
                return None
            self.builder.stop_batching()
            return Log(f"{error.message} Continuing with one call per target, without batches.", logging.WARNING)
        if not request.is_batch and _concerns_the_target(error) and not self._hopeless():
            self.ledger.record_refused(targets[0], error)
        else:
            self.ledger.return_unexecuted(targets)
            self._record_blocking_error(error)
        return None

    def _repeat(self, targets: Sequence[Target], error: Bitrix24Error) -> Log:
        self.ledger.repeat(targets, error)
        self._record_blocking_error(error)
        return Log(f"{error.message} Sending again: {_named(targets)}.", logging.WARNING)

    def _record_in_doubt(
        self, targets: Sequence[Target], error: Bitrix24Error, attempt: Attempt, now: float, *, over: bool
    ) -> None:
        sent_by_portal = self.channel.portal_clock.latest(attempt.sent_at)
        self.ledger.record_in_doubt(
            targets, error, sent_at=attempt.sent_at, now=now, over=over, sent_by_portal=sent_by_portal
        )

    def _hopeless(self) -> bool:
        self.refused_in_a_row += 1
        return not self.ledger.fired and self.refused_in_a_row >= MAX_REFUSED_IN_A_ROW

    def _record_blocking_error(self, error: Bitrix24Error) -> None:
        if self.blocking_error is None or self._delay(error) is None:
            self.blocking_error = error

    def _delay(self, error: Bitrix24Error) -> float | None:
        retry, lost = self.channel.retry, self.rounds_lost.next(error)
        return retry.delay(error, lost, idempotent=self.builder.job.repeatable, random=self.channel.random)


def _concerns_the_target(error: Bitrix24Error) -> bool:
    """Whether another target may fare better: not so for a wrong secret, a closed portal, a limit, a failure."""
    return isinstance(error, ApiError) and not isinstance(
        error, AuthenticationError | PortalUnavailableError | RateLimitError | ServerError
    )


def _named(targets: Sequence[Target]) -> str:
    first = str(targets[0].ref)
    return first if len(targets) == 1 else f"{len(targets)} targets ({first} to {targets[-1].ref})"
