"""Working time that requests hold while they are under way, so that all processes together stay below the limit.

This is for every request but those that fire, whose rounds hold theirs in :mod:`..firing.rounds`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.errors import Bitrix24Error
from airflow_provider_bitrix24.client.flows.effects import Flow, ShareWorkingTime
from airflow_provider_bitrix24.client.limits.operating import Figure
from airflow_provider_bitrix24.client.limits.working_time import WorkingTimeClaim, WorkingTimeGrant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_bitrix24.client.flows.calls import Attempt, Channel
    from airflow_provider_bitrix24.client.limits.work import Work
    from airflow_provider_bitrix24.client.protocol.wire import Reply

LONG = 5.0
"""Seconds of work from which on a request always holds them."""
ASK_AFTER = 20.0
"""Seconds after which a process asks what others know. Each answer of the portal shows what all together have used."""
_TRAVEL = 1.0
"""Seconds that answers take to arrive, at most."""
_FAR = 0.5
"""The part of the limit below which short requests hold nothing."""


def new_holder(channel: Channel) -> str:
    """Return a name under which requests of one kind hold working time."""
    return f"{int(channel.random() * 16**8):08x}"


def share_working_time(channel: Channel, claim: WorkingTimeClaim, now: float) -> Flow[WorkingTimeGrant]:
    """Claim working time, and learn what all processes together know of it. Returns what is granted.

    :param now: seconds of the driver's clock.
    """
    budget, credential = channel.operating, channel.portal.credential_id
    granted: WorkingTimeGrant = yield ShareWorkingTime(credential, budget.known.shifted(-now), claim)
    budget.learn(granted.known.shifted(now), now)
    return granted


@dataclass(slots=True)
class HeldTime:
    """Holds working time for requests of one kind."""

    channel: Channel
    work: Work
    _holder: str = field(init=False)
    _holds: bool = False

    def __post_init__(self) -> None:
        self._holder = new_holder(self.channel)

    def claim(self, requests: int, now: float) -> Flow[WorkingTimeGrant]:
        """Hold the working time of up to so many requests, where it is not far from the limit.

        Returns how many may be sent, or how long to wait. A portal that reports no working time limits none.
        """
        budget = self.channel.operating
        if budget.reported is False:
            return WorkingTimeGrant(requests)
        stale = budget.learned_at is None or now - budget.learned_at > ASK_AFTER
        if stale and not self._matters(requests, now):
            yield from share_working_time(self.channel, WorkingTimeClaim(self._holder), now)
        if not self._matters(requests, now):
            return WorkingTimeGrant(requests)
        seconds, long = self._seconds(requests), self.channel.work.seconds(self.work) >= LONG
        granted = yield from share_working_time(
            self.channel, WorkingTimeClaim(self._holder, requests, seconds, long=long), now
        )
        self._holds = granted.commands > 0
        return granted

    def settle(self, attempts: Sequence[Attempt]) -> Flow[None]:
        """Learn from what came of the requests, and give back what was held.

        What was held for a request without an answer stays held until it lapses, since no report shows that work yet.
        """
        unanswered = [each for each in attempts if _may_have_worked(each.reply)]
        for each in attempts:
            if each in unanswered or not isinstance(each.reply, Bitrix24Error):
                self.channel.work.note(self.work, each.received_at - each.sent_at)
        if self._holds:
            self._holds = False
            if unanswered:
                self._holder = new_holder(self.channel)
            else:
                # An answer shows what others had finished when its last command was done.
                command = self.channel.work.seconds(self.work) / len(self.work.inside) if self.work.inside else 0.0
                back = WorkingTimeClaim(self._holder, shown=command + _TRAVEL)
                yield from share_working_time(self.channel, back, max(each.received_at for each in attempts))

    def _matters(self, requests: int, now: float) -> bool:
        known, seconds = self.channel.operating.known, self._seconds(requests)
        figures = {account: known.figures.get(account, Figure()) for account in seconds}
        return max(seconds.values()) >= LONG or any(
            each.banned_until > now or each.used + seconds[account] >= _FAR * known.lines[0]
            for account, each in figures.items()
        )

    def _seconds(self, requests: int) -> dict[str, float]:
        known, each = self.channel.operating.known, self.channel.work.seconds(self.work)
        return self.work.accounts(requests * each, bills_batches=known.bans)


def _may_have_worked(reply: Reply | Bitrix24Error) -> bool:
    return isinstance(reply, Bitrix24Error) and reply.executed != "no"
