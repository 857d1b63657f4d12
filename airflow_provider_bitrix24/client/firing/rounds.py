"""The next round of requests: how many commands it may have, by the working time that is left, and what they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.errors import Bitrix24Error
from airflow_provider_bitrix24.client.flows.working_time import new_holder, share_working_time
from airflow_provider_bitrix24.client.limits.operating import BATCH, BATCH_SHARE, in_batch
from airflow_provider_bitrix24.client.limits.work import LONGEST_REQUEST
from airflow_provider_bitrix24.client.limits.working_time import WorkingTimeClaim, WorkingTimeGrant
from airflow_provider_bitrix24.client.protocol.batch import FIRST_COMMANDS, MAX_COMMANDS, TARGET_SECONDS

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.firing.ledger import Ledger
    from airflow_provider_bitrix24.client.firing.requests import FireRequest, RequestBuilder
    from airflow_provider_bitrix24.client.flows.calls import Attempt, Channel
    from airflow_provider_bitrix24.client.flows.effects import Flow


@dataclass(slots=True)
class Rounds:
    """Plans rounds of requests for one ledger, and holds the working time that they take."""

    channel: Channel
    ledger: Ledger
    builder: RequestBuilder
    _costs: list[float] = field(default_factory=list)
    """Seconds per target in the last two requests: an upper bound, as a request does more than to fire."""
    _holder: str = field(init=False)
    _granted: int = 0
    """Targets that may still be fired for the working time that is held."""
    _granted_at: float = 0.0
    _holds: bool = False

    def __post_init__(self) -> None:
        self._holder = new_holder(self.channel)

    def claim(self, now: float) -> Flow[WorkingTimeGrant]:
        """Hold working time for the next rounds, instead of what is held for the last ones.

        Returns how many targets may be fired, or how long to wait. A portal that reports no working time limits none.
        """
        if self.channel.operating.reported is False:
            return WorkingTimeGrant(self.ledger.queued)
        if self.builder.batches or self._granted <= 0 or now - self._granted_at > TARGET_SECONDS:
            commands = self._commands()
            claim = WorkingTimeClaim(self._holder, commands, self._seconds(commands))
            granted = yield from share_working_time(self.channel, claim, now)
            if granted.wait:
                self._granted = 0
                return granted
            self._granted, self._granted_at, self._holds = granted.commands, now, True
        return WorkingTimeGrant(self._granted)

    def release(self, now: float) -> Flow[None]:
        """Give back what is held, and let other processes know what the portal has reported."""
        if self._holds:
            self._holds = False
            yield from share_working_time(self.channel, WorkingTimeClaim(self._holder), now)

    def record(self, attempt: Attempt, *, executed: int) -> None:
        """Learn from a request how much working time one takes. One without an answer counts, too.

        :param executed: how many of its targets the portal executed, or may have executed.
        """
        if not executed:
            self._granted = 0
            return
        seconds = attempt.received_at - attempt.sent_at
        self._costs = [*self._costs[-1:], seconds / executed]
        if isinstance(attempt.reply, Bitrix24Error):
            for account, work in self._accounts(seconds).items():
                self.channel.operating.note_unanswered(account, work, attempt.received_at)

    def requests(self, targets: int) -> int:
        """How many requests to send together for so many targets; a batch whose cost is not known goes alone."""
        if not self.builder.knows_cost:
            return 1
        return min(self.channel.settings.max_concurrency, -(-targets // self.builder.per_request))

    def build(self, count: int, targets: int, *, read_back: bool) -> list[FireRequest]:
        """Build up to ``count`` requests for up to so many targets together.

        :param read_back: whether this credential reads.
        """
        requests: list[FireRequest] = []
        while self.ledger.queued and targets > 0 and len(requests) < count:
            requests.append(self.builder.build(self.ledger, targets, read_back=read_back))
            targets -= len(requests[-1].targets)
            self._granted -= len(requests[-1].targets)
        return requests

    def _commands(self) -> int:
        """How many targets to ask for: a round of batches, or as many direct calls as take the time of one batch."""
        most = FIRST_COMMANDS
        if self._costs and not self.builder.batches:
            fitting = int(TARGET_SECONDS / max(TARGET_SECONDS / MAX_COMMANDS, *self._costs))
            most = max(self.channel.settings.max_concurrency, fitting)
        elif self.builder.batches and self.builder.knows_cost:
            most = self.builder.per_request * self.channel.settings.max_concurrency
        return min(self.ledger.queued, most)

    def _seconds(self, commands: int) -> dict[str, float]:
        """What so many commands take, by account. As long as nothing was measured, a request can take all it may."""
        measured = [*self._costs, *([] if self._costs else self.builder.sizer.costs)]
        return self._accounts(commands * max(measured, default=LONGEST_REQUEST / FIRST_COMMANDS))

    def _accounts(self, seconds: float) -> dict[str, float]:
        """So many seconds of firing, by account."""
        if not self.builder.batches:
            return {self.ledger.job.method: seconds}
        bills_batches = self.channel.operating.known.bans
        return {in_batch(self.ledger.job.method): seconds} | ({BATCH: BATCH_SHARE * seconds} if bills_batches else {})
