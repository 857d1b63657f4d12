"""Firing automation triggers: snapshot, fire, read, outcome, for any number of targets.

One conversation (see :mod:`.flows`) over the bookkeeping of :mod:`.firing`. It sends nothing twice because a
network failed: what is in doubt is looked at first (:mod:`.reader`), in this try or in the next one
(:mod:`.progress`).
"""

from __future__ import annotations

import hashlib
import logging
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client.errors import Bitrix24Error, OperatingLimitError
from airflow_provider_bitrix24.client.firing.checkpoint import Checkpoint
from airflow_provider_bitrix24.client.firing.ledger import Job, Ledger, Target
from airflow_provider_bitrix24.client.firing.requests import FireRequest, RequestBuilder
from airflow_provider_bitrix24.client.firing.responses import ResponseHandler
from airflow_provider_bitrix24.client.firing.verifier import Verifier
from airflow_provider_bitrix24.client.flows.calls import Channel, acquire, send, sleep
from airflow_provider_bitrix24.client.flows.effects import Flow, Log, Save, ShareCost, Start
from airflow_provider_bitrix24.client.flows.readings import StageReadings, chunks
from airflow_provider_bitrix24.client.protocol.batch import FIRST_COMMANDS
from airflow_provider_bitrix24.client.protocol.wire import METHOD
from airflow_provider_bitrix24.client.report import TriggerReport

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_bitrix24.client.limits.cost import SharedCost
    from airflow_provider_bitrix24.client.targets import EntityRef

STALE_AFTER = 60.0
"""Seconds of waiting after which a snapshot is taken anew: people move entities, too."""
LOG_EVERY = 30.0
"""Seconds between two lines about the progress."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What an earlier try kept, if anything."""

    kept: Mapping[str, Any] | None = None


def trigger_automation(
    channel: Channel,
    second: Channel | None,
    job: Job,
    refs: Sequence[EntityRef],
    *,
    start: Start,
    checkpoint: Kept | None = None,
) -> Flow[TriggerReport]:
    """Fire one automation trigger for many entities and show where each stood before and stands after.

    :param second: another credential of the same portal, which reads where the first may not.
    :param checkpoint: given where progress is to be saved; what an earlier try saved is taken up.
    :raises Bitrix24Error: nothing was fired.
    """
    targets = [Target(ref) for ref in refs]
    if targets:
        reader = Verifier(channel, second) if job.verify else Verifier(None, None)
        ledger, sender = Ledger(job, deque(targets)), RequestBuilder(job)
        receiver = ResponseHandler(channel, ledger, sender)
        firing = _Firing(channel, reader, ledger, sender, receiver, start.now, start.now)
        if checkpoint is not None:
            firing.progress = Checkpoint(channel.portal.host, job.code, targets, start)
            yield from firing.take_up(checkpoint.kept)
        yield from firing.run(len(targets))
    results = [target.result() for target in targets]
    return TriggerReport(code=job.code, portal=channel.portal.base_url, results=results)


@dataclass(slots=True)
class _Firing:
    """The conversation's state beyond the ledger."""

    channel: Channel
    reader: Verifier
    ledger: Ledger
    sender: RequestBuilder
    receiver: ResponseHandler
    now: float
    logged_at: float
    progress: Checkpoint | None = None
    shared_cost: float = 0.0
    measuring: bool = False
    """Whether others wait for this one to find out what a command costs."""
    last_heard: float = 0.0
    refreshed: bool = False
    """Whether snapshots were taken anew since the last fire."""
    total: int = 0
    done_before: int = 0
    began: float = 0.0

    def take_up(self, kept: Mapping[str, Any] | None) -> Flow[None]:
        """Go on where an earlier try stopped."""
        if kept is None or self.progress is None:
            return
        done = self.progress.restore(kept, self.ledger)
        if done is None:
            yield Log("The checkpoint is of other targets or another code; starting afresh.", logging.WARNING)
            return
        in_doubt = sum(len(doubt.targets) for doubt in self.ledger.in_doubt)
        yield Log(f"Going on from a checkpoint: {done} targets are done, {in_doubt} are looked at first.")

    def run(self, total: int) -> Flow[None]:
        """Fire all targets of the ledger and settle them."""
        job = self.ledger.job
        self.total, self.began = total, self.now
        self.last_heard = self.now
        self.done_before = total - len(self.ledger.unread)
        self.sender.batches = job.batchable and (job.verify or total > 1)
        try:
            yield from self._work()
        except Bitrix24Error as error:
            if not (self.ledger.fired or self.ledger.resumed):
                raise
            yield Log(f"Stopping: {error}", logging.ERROR)
            self.ledger.give_up(error)
        yield from self._confirm()
        yield from self._save()

    def _work(self) -> Flow[None]:
        ledger = self.ledger
        while True:
            if any(doubt.due <= self.now for doubt in ledger.in_doubt):
                yield from self._look_at_doubts()
            elif ledger.queue or ledger.unread:
                yield from self._fill()
                if ledger.queue:
                    yield from self._fire()
            elif ledger.in_doubt:
                first = min(doubt.due for doubt in ledger.in_doubt)
                why = "a request got no answer and the portal may still be executing it"
                yield from self._pause(first - self.now, "settle", why)
            else:
                return

    # -- before

    def _fill(self) -> Flow[None]:
        """Read windows ahead until the next requests are full, so that none goes out half empty."""
        ledger, ahead = self.ledger, self.sender.sizer.size * self.channel.settings.max_concurrency
        while ledger.unread and len(ledger.queue) < ahead:
            count = len(next(chunks(target.ref for target in ledger.unread)))
            window = [ledger.unread.popleft() for _ in range(count)]
            readable = [target.ref for target in window if target.ref.readable]
            reading = StageReadings()
            if readable and self.reader.can_read:
                try:
                    reading = yield from self.reader.window(readable)
                except Bitrix24Error:
                    ledger.unread.extendleft(reversed(window))
                    raise
                self.sender.batches = self.sender.batches and not self.reader.refused
            ledger.note_before(window, reading, looked=self.reader.can_read)

    # -- fire

    def _fire(self) -> Flow[None]:
        if not (self.sender.knows_cost or self.measuring) and len(self.ledger.queue) >= FIRST_COMMANDS:
            yield from self._ask_cost()
        granted = yield from acquire(self.channel, self._want())
        self.now = granted.now
        wait = self.channel.operating.wait(METHOD, self.now)
        if wait > 0:
            yield from self._pause(wait, "operating", "the trigger's working time is spent until then")
        if self._stale():
            return
        shipments = self._compose(granted.count)
        self.refreshed = False
        yield from self._save([each.targets for each in shipments])
        outcomes = yield from send(self.channel, [each.call for each in shipments])
        self.last_heard = self.now = max(self.now, *(outcome.received_at for outcome in outcomes))
        self.receiver.blocking_error = None
        for shipment, outcome in zip(shipments, outcomes, strict=True):
            result = self.receiver.note(shipment, outcome, self.now)
            if result is not None:
                yield result
        yield from self._save()  # what is known now is not to be looked at by the next try
        yield from self._share_cost()
        yield from self._tell_progress()
        yield from self._recover()

    def _recover(self) -> Flow[None]:
        """Wait where something did not run.

        :raises Bitrix24Error: repeating cannot help, or has not.
        """
        blocking_error, delay = self.receiver.blocking_error, self.receiver.delay()
        if blocking_error is None:
            return
        if delay is None:
            raise blocking_error
        kind = "operating" if isinstance(blocking_error, OperatingLimitError) else "retry"
        yield from self._pause(delay, kind, blocking_error.message)

    def _ask_cost(self) -> Flow[None]:
        """Take over what another process measured lately, waiting a little for one that is measuring now."""
        while not self.sender.knows_cost:
            shared: SharedCost = yield ShareCost(self._cost_name())
            if shared.seconds is not None:
                self.sender.sizer.learn(shared.seconds)
            elif shared.wait > 0:
                self.now = yield from sleep(shared.wait, "pace", "another process measures what a command costs")
            else:
                self.measuring = True
                return

    def _share_cost(self) -> Flow[None]:
        """Let other processes know what a command costs, once and when it has changed much."""
        if not self.sender.batches or not self.sender.sizer.costs:
            return
        cost = self.sender.sizer.costs[-1]
        if not self.shared_cost / 2 <= cost <= self.shared_cost * 2:
            self.shared_cost = cost
            yield ShareCost(self._cost_name(), cost)

    def _cost_name(self) -> str:
        return hashlib.sha256(repr(self.ledger.job.code).encode()).hexdigest()[:16]

    def _want(self) -> int:
        """How many requests to send together; a batch whose cost is not known goes alone."""
        if not self.sender.knows_cost:
            return 1
        return min(self.channel.settings.max_concurrency, -(-len(self.ledger.queue) // self.sender.per_request))

    def _compose(self, count: int) -> list[FireRequest]:
        queue, sizer = self.ledger.queue, self.sender.sizer
        budget = self.channel.operating.capacity(METHOD, self.now, max(sizer.costs, default=0.0))
        read_back = self.reader.channel is self.channel
        shipments: list[FireRequest] = []
        while queue and len(shipments) < count:
            shipments.append(self.sender.build(queue, budget, read_back=read_back))
        return shipments

    def _stale(self) -> bool:
        """Whether a wait has made the snapshots too old; then they are taken anew, once before each fire."""
        last, self.last_heard = self.last_heard, self.now
        if not self.reader.can_read or self.refreshed or self.now - last <= STALE_AFTER:
            return False
        self.refreshed = True
        self.ledger.unread.extendleft(reversed(self.ledger.queue))
        self.ledger.queue.clear()
        return True

    # -- how it goes

    def _pause(self, seconds: float, kind: Any, why: str) -> Flow[None]:
        """Wait with everything saved, since a wait may be where this try ends."""
        if seconds > LOG_EVERY:
            yield from self._save()
        self.now = yield from sleep(seconds, kind, why)

    def _save(self, in_flight: Sequence[Sequence[Target]] = ()) -> Flow[None]:
        if self.progress is not None:
            yield Save(self.progress.record(self.ledger, in_flight, self.now), ahead=bool(in_flight))

    def _tell_progress(self) -> Flow[None]:
        if self.now - self.logged_at < LOG_EVERY:
            return
        self.logged_at = self.now
        waiting = len(self.ledger.queue) + len(self.ledger.unread)
        done = self.total - waiting
        rate = (done - self.done_before) / (self.now - self.began)
        left = f", about {waiting / rate:.0f} s left" if rate else ""
        yield Log(f"{done} of {self.total} targets are fired or settled, {rate * 60:.0f} a minute{left}.")

    # -- after

    def _look_at_doubts(self) -> Flow[None]:
        """Read the targets of all doubts that are due and decide about them."""
        due = [doubt for doubt in self.ledger.in_doubt if doubt.due <= self.now]
        reading = yield from self.reader.all([target.ref for doubt in due for target in doubt.targets])
        self.ledger.in_doubt = [doubt for doubt in self.ledger.in_doubt if doubt not in due]
        for doubt in due:
            if self.reader.can_read:
                self.ledger.resolve(doubt, reading.found, self.now, self.channel.settings.settle_after)
            else:
                self.ledger.lose(doubt)
        self.ledger.note_after(reading.found)

    def _confirm(self) -> Flow[None]:
        """Look once more, in a request of its own, at all that were accepted and have not been seen to move."""
        waiting = list(self.ledger.accepted)
        if waiting:
            try:
                reading = yield from self.reader.all(waiting)
            except Bitrix24Error as error:
                yield Log(f"Reading back failed: {error}", logging.WARNING)
            else:
                self.ledger.note_after(reading.found)
        unmoved = self.ledger.close()
        yield from self.reader.advise(unmoved, self.ledger.job.expected)
