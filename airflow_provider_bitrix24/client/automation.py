"""Firing automation triggers: snapshot, fire, read, outcome, for any number of targets.

One conversation (see :mod:`.flows`) over the bookkeeping of :mod:`.firing`. It sends nothing twice because a
network failed: what is in doubt is looked at first (:mod:`.reader`).
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.batch import BatchSizer, CommandReply, command, pack
from airflow_provider_bitrix24.client.effects import Flow, Tell
from airflow_provider_bitrix24.client.errors import (
    ApiError,
    AuthenticationError,
    Bitrix24Error,
    OperatingLimitError,
    PermissionDeniedError,
    PortalUnavailableError,
    RateLimitError,
    ServerError,
)
from airflow_provider_bitrix24.client.firing import METHOD, Job, Ledger, Target
from airflow_provider_bitrix24.client.flows import Channel, Outcome, exchange, pause, read_batch, reserve
from airflow_provider_bitrix24.client.reader import Reader
from airflow_provider_bitrix24.client.reading import Reading, collect, list_calls, windows
from airflow_provider_bitrix24.client.verification import TriggerReport
from airflow_provider_bitrix24.client.wire import Call, Reply

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_bitrix24.client.entity import EntityRef

STALE_AFTER = 60.0
"""Seconds of waiting after which a snapshot is taken anew: people move entities, too."""
HOPELESS = 10
"""Direct calls refused in a row, with none accepted, after which the credential is taken to be the reason."""


def trigger_automation(
    channel: Channel, second: Channel | None, job: Job, refs: Sequence[EntityRef]
) -> Flow[TriggerReport]:
    """Fire one automation trigger for many entities and show where each stood before and stands after.

    :param second: another credential of the same portal, which reads where the first may not.
    :raises Bitrix24Error: nothing was fired.
    """
    targets = [Target(ref) for ref in refs]
    if targets:
        reader = Reader(channel, second) if job.verify else Reader(None, None)
        firing = _Firing(channel, reader, Ledger(job, deque(targets)))
        yield from firing.run()
    results = [target.result() for target in targets]
    return TriggerReport(code=job.code, portal=channel.portal.base_url, results=results)


@dataclass(slots=True)
class _Firing:
    """The conversation's state beyond the ledger: how to send, and how often that went wrong."""

    channel: Channel
    reader: Reader
    ledger: Ledger
    batches: bool = True
    sizer: BatchSizer = field(default_factory=BatchSizer)
    trouble: Bitrix24Error | None = None
    """Why something of the last round did not run; one that cannot be repeated outweighs the others."""
    rounds_lost: int = 0
    """Rounds in a row in which nothing ran."""
    refused_in_a_row: int = 0
    last_heard: float | None = None
    refreshed: bool = False
    """Whether snapshots were taken anew since the last fire."""
    now: float = 0.0

    def run(self) -> Flow[None]:
        job = self.ledger.job
        self.batches = job.batchable and (job.verify or len(self.ledger.unread) > 1)
        try:
            yield from self._work()
        except Bitrix24Error as error:
            if not self.ledger.fired:
                raise
            yield Tell(f"Stopping: {error}", logging.ERROR)
            self.ledger.give_up(error)
        yield from self._confirm()

    def _work(self) -> Flow[None]:
        ledger = self.ledger
        while True:
            if any(doubt.due <= self.now for doubt in ledger.doubts):
                yield from self._look_at_doubts()
            elif ledger.queue or ledger.unread:
                yield from self._fill()
                if ledger.queue:
                    yield from self._fire()
            elif ledger.doubts:
                first = min(doubt.due for doubt in ledger.doubts)
                why = "a request got no answer and the portal may still be executing it"
                self.now = yield from pause(first - self.now, "settle", why)
            else:
                return

    # -- before

    def _fill(self) -> Flow[None]:
        """Read windows ahead until the next requests are full, so that none goes out half empty."""
        ledger, ahead = self.ledger, self.sizer.size * self.channel.settings.max_concurrency
        while ledger.unread and len(ledger.queue) < ahead:
            count = len(next(windows(target.ref for target in ledger.unread)))
            window = [ledger.unread.popleft() for _ in range(count)]
            readable = [target.ref for target in window if target.ref.readable]
            reading = Reading()
            if readable and self.reader.can_read:
                try:
                    reading = yield from self.reader.window(readable)
                except Bitrix24Error:
                    ledger.unread.extendleft(reversed(window))
                    raise
                self.batches = self.batches and not self.reader.refused
            ledger.note_before(window, reading, looked=self.reader.can_read)

    # -- fire

    def _fire(self) -> Flow[None]:
        granted = yield from reserve(self.channel, self._want())
        self.now = granted.now
        wait = self.channel.operating.wait(METHOD, self.now)
        if wait > 0:
            self.now = yield from pause(wait, "operating", "the trigger's working time is spent until then")
        if self._stale():
            return
        groups = [group for group in (self._take() for _ in range(granted.count)) if group]
        requests = [self._request(group) for group in groups]
        self.refreshed = False
        outcomes = yield from exchange(self.channel, [call for call, _ in requests])
        self.last_heard = self.now = max(self.now, *(outcome.received_at for outcome in outcomes))
        for group, (_, reads), outcome in zip(groups, requests, outcomes, strict=True):
            yield from self._note(group, reads, outcome)
        yield from self._recover()

    def _want(self) -> int:
        """How many requests to send together; the first batch goes alone, as its cost is not known."""
        if self.batches and not self.sizer.costs:
            return 1
        per_request = self.sizer.size if self.batches else 1
        return min(self.channel.settings.max_concurrency, -(-len(self.ledger.queue) // per_request))

    def _stale(self) -> bool:
        """Whether a wait has made the snapshots too old; then they are taken anew, once before each fire."""
        last, self.last_heard = self.last_heard, self.now
        if not self.reader.can_read or self.refreshed or last is None or self.now - last <= STALE_AFTER:
            return False
        self.refreshed = True
        self.ledger.unread.extendleft(reversed(self.ledger.queue))
        self.ledger.queue.clear()
        return True

    def _take(self) -> list[Target]:
        """Take the next request's targets off the queue, leaving room for the commands that read them back."""
        queue, room = self.ledger.queue, self.sizer.size if self.batches else 1
        group: list[Target] = []
        read_types: set[int] = set()
        while queue:
            types = read_types | {queue[0].ref.type_id} if self._reads_back(queue[0]) else read_types
            if group and len(group) + 1 + len(types) > room:
                break
            read_types = types
            group.append(queue.popleft())
        return group

    def _reads_back(self, target: Target) -> bool:
        return self.batches and self.reader.channel is self.channel and target.before is not None

    def _request(self, group: list[Target]) -> tuple[Call, list[Call]]:
        """One request for a group, and the calls in it that read the group back."""
        for target in group:
            target.fires += 1
        if not self.batches:
            return self.ledger.job.call(group[0].ref), []
        fires = [self.ledger.job.call(target.ref) for target in group]
        reads = list_calls(target.ref for target in group if self._reads_back(target))
        return pack([command(each) for each in (*fires, *reads)]), reads

    # -- what came back

    def _note(self, group: list[Target], reads: list[Call], outcome: Outcome) -> Flow[None]:
        reply: Reply | Bitrix24Error | list[CommandReply] = outcome.reply
        if isinstance(reply, Reply):
            if self.batches:
                self.sizer.note(outcome.received_at - outcome.sent_at, len(group) + len(reads))
                methods = [METHOD] * len(group) + [each.method for each in reads]
                reply = read_batch(self.channel, methods, reply, outcome.received_at)
            else:
                reply = [CommandReply(reply.result)]
        if isinstance(reply, Bitrix24Error):
            yield from self._note_failure(group, reply, outcome)
            return
        self._note_commands(group, reply[: len(group)], outcome)
        if reads:
            seen = Reading()
            collect(reads, reply[len(group) :], seen)
            self.ledger.note_after(seen.found)

    def _note_commands(self, group: list[Target], replies: Sequence[CommandReply], outcome: Outcome) -> None:
        self.rounds_lost = self.refused_in_a_row = 0
        refused: list[Target] = []
        for target, reply in zip(group, replies, strict=True):
            if reply.error is None:
                self.ledger.note_accepted(target)
            elif isinstance(reply.error, RateLimitError):
                refused.append(target)
                self._trouble(reply.error)
            elif reply.error.executed == "no":
                target.fail(reply.error)
            else:
                # The batch answered in full, so the command is over and a reading tells at once.
                self.ledger.note_doubt([target], reply.error, outcome.sent_at, self.now, over=True)
        self.ledger.put_back(refused)

    def _note_failure(self, group: list[Target], error: Bitrix24Error, outcome: Outcome) -> Flow[None]:
        """A request failed as a whole."""
        if error.executed != "no":
            then = "; looking." if self.reader.can_read else "."
            yield Tell(f"{error.message} Did the portal act on {_named(group)}? Unknown{then}", logging.WARNING)
            over = isinstance(error, ApiError)
            self.ledger.note_doubt(group, error, outcome.sent_at, self.now, over=over)
        elif self.batches and isinstance(error, PermissionDeniedError):
            self.batches = False
            self.ledger.put_back(group)
            yield Tell(f"{error.message} Going on without batches, one call per target.", logging.WARNING)
        elif not self.batches and _concerns_the_target(error) and not self._hopeless():
            group[0].fail(error)
        else:
            self.ledger.put_back(group)
            self._trouble(error)

    def _hopeless(self) -> bool:
        self.refused_in_a_row += 1
        return not self.ledger.fired and self.refused_in_a_row >= HOPELESS

    def _trouble(self, error: Bitrix24Error) -> None:
        if self.trouble is None or self._delay(error) is None:
            self.trouble = error

    def _delay(self, error: Bitrix24Error) -> float | None:
        lost = self.rounds_lost + 1
        return self.channel.retry.delay(error, lost, idempotent=False, random=self.channel.random)

    def _recover(self) -> Flow[None]:
        """Wait where something did not run.

        :raises Bitrix24Error: repeating cannot help, or has not.
        """
        error, self.trouble = self.trouble, None
        if error is None:
            return
        delay = self._delay(error)
        if delay is None:
            raise error
        self.rounds_lost += 1
        kind = "operating" if isinstance(error, OperatingLimitError) else "retry"
        self.now = yield from pause(delay, kind, error.message)

    # -- after

    def _look_at_doubts(self) -> Flow[None]:
        """Read the targets of all doubts that are due and decide about them."""
        due = [doubt for doubt in self.ledger.doubts if doubt.due <= self.now]
        reading = yield from self.reader.all([target.ref for doubt in due for target in doubt.targets])
        self.ledger.doubts = [doubt for doubt in self.ledger.doubts if doubt not in due]
        for doubt in due:
            self.ledger.resolve(doubt, reading.found, self.now, self.channel.settings.settle_after)
        self.ledger.note_after(reading.found)

    def _confirm(self) -> Flow[None]:
        """Look once more, in a request of its own, at all that were accepted and have not been seen to move."""
        waiting = [target.ref for target in self.ledger.accepted]
        if waiting:
            try:
                reading = yield from self.reader.all(waiting)
            except Bitrix24Error as error:
                yield Tell(f"Reading back failed: {error}", logging.WARNING)
            else:
                self.ledger.note_after(reading.found)
        unmoved = self.ledger.close()
        yield from self.reader.advise(unmoved, self.ledger.job.expected)


def _concerns_the_target(error: Bitrix24Error) -> bool:
    """Whether another target may fare better: not so for a wrong secret, a closed portal, a limit, a failure."""
    return isinstance(error, ApiError) and not isinstance(
        error, AuthenticationError | PortalUnavailableError | RateLimitError | ServerError
    )


def _named(group: Sequence[Target]) -> str:
    first = str(group[0].ref)
    return first if len(group) == 1 else f"{len(group)} targets ({first} to {group[-1].ref})"
