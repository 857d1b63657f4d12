"""Firing automation triggers: read, fire, read, settle, for any number of targets.

One flow over the state in :mod:`.ledger`. It sends nothing twice because a network failed: what is in doubt is read
first (:mod:`.verifier`), in this try or in the next one (:mod:`.checkpoint`).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.errors import Bitrix24Error, ConfigurationError, OperatingLimitError
from airflow_provider_bitrix24.client.firing.aftermath import Aftermath
from airflow_provider_bitrix24.client.firing.checkpoint import Checkpoint
from airflow_provider_bitrix24.client.firing.cost import CostSharing
from airflow_provider_bitrix24.client.firing.freshness import Freshness
from airflow_provider_bitrix24.client.firing.in_doubt import why_not_fired_yet
from airflow_provider_bitrix24.client.firing.job import Job, Target
from airflow_provider_bitrix24.client.firing.ledger import Ledger
from airflow_provider_bitrix24.client.firing.progress_log import LOG_EVERY, ProgressLog, already_line, resumed_line
from airflow_provider_bitrix24.client.firing.requests import FireRequest, RequestBuilder
from airflow_provider_bitrix24.client.firing.responses import ResponseHandler
from airflow_provider_bitrix24.client.firing.rounds import Rounds
from airflow_provider_bitrix24.client.firing.verifier import Verifier
from airflow_provider_bitrix24.client.flows.calls import Channel, acquire, send, sleep
from airflow_provider_bitrix24.client.flows.effects import Flow, Log, SleepKind
from airflow_provider_bitrix24.client.flows.readings import StageReadings
from airflow_provider_bitrix24.client.protocol.batch import FIRST_COMMANDS
from airflow_provider_bitrix24.client.report import TriggerReport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_bitrix24.client.entity_ref import EntityRef
    from airflow_provider_bitrix24.client.firing.kept_firing import KeptFiring
    from airflow_provider_bitrix24.client.firing.monitor import FiringMonitor


def trigger_automation(
    channel: Channel,
    second: Channel | None,
    job: Job,
    refs: Sequence[EntityRef],
    *,
    now: float,
    durable: bool = False,
    kept: KeptFiring | None = None,
    is_retry: bool = False,
    monitor: FiringMonitor | None = None,
) -> Flow[TriggerReport]:
    """Fire one automation trigger for many entities and show where each stood before and stands after.

    :param second: another credential of the same portal, which reads where the first may not.
    :param now: seconds of the driver's clock.
    :param durable: whether a checkpoint is written.
    :param kept: what an earlier try wrote.
    :param is_retry: whether an earlier try may have fired, also where it wrote nothing.
    :param monitor: lets the caller see how far it came if it is interrupted.
    :raises Bitrix24Error: nothing was fired.
    """
    if second is not None:
        second.portal_clock = channel.portal_clock
    ledger = Ledger(job, (Target(ref) for ref in refs))
    if monitor is not None:
        monitor.watch(ledger, channel.portal.base_url)
    if refs:
        checkpoint = Checkpoint(channel.portal.host, ledger, channel.portal_clock.latest) if durable else None
        if checkpoint is not None and kept is not None:
            yield from checkpoint.restore(kept, now)
            yield resumed_line(ledger, kept)
        freshness = Freshness.of(now, forgotten=is_retry and kept is None and job.expected is not None)
        yield from _Firing.of(channel, second, ledger, checkpoint, freshness).run()
    results = [target.result() for target in ledger.targets]
    return TriggerReport(code=job.code, portal=channel.portal.base_url, results=results)


@dataclass(slots=True, kw_only=True)
class _Firing:
    """The loop: what to do next, in which order."""

    channel: Channel
    verifier: Verifier
    aftermath: Aftermath
    ledger: Ledger
    builder: RequestBuilder
    responses: ResponseHandler
    rounds: Rounds
    cost: CostSharing
    progress: ProgressLog
    checkpoint: Checkpoint | None
    freshness: Freshness
    now: float

    @classmethod
    def of(
        cls,
        channel: Channel,
        second: Channel | None,
        ledger: Ledger,
        checkpoint: Checkpoint | None,
        freshness: Freshness,
    ) -> _Firing:
        verifier = Verifier.for_job(ledger.job, channel, second, [target.ref for target in ledger.targets])
        builder = RequestBuilder.for_job(ledger.job, len(ledger.targets))
        return cls(
            channel=channel,
            verifier=verifier,
            aftermath=Aftermath(channel, verifier, ledger, builder),
            ledger=ledger,
            builder=builder,
            responses=ResponseHandler(channel, ledger, builder),
            rounds=Rounds(channel, ledger, builder),
            cost=CostSharing(builder),
            progress=ProgressLog(ledger, freshness.known_at),
            checkpoint=checkpoint,
            freshness=freshness,
            now=freshness.known_at,
        )

    def run(self) -> Flow[None]:
        """Fire all targets of the ledger and settle them."""
        try:
            if self.ledger.resumed:
                yield from self.verifier.learn_order()
                self._learn_accepted()
            yield from self._work()
            yield from self.rounds.release(self.now)
        except Bitrix24Error as error:
            yield from self.rounds.release(self.now)
            if not self._has_fired:
                raise
            yield from self._stop_firing(error)
        yield from self.aftermath.confirm()
        yield from self._save()

    def _work(self) -> Flow[None]:
        ledger = self.ledger
        while True:
            due = ledger.next_due
            if due is not None and due <= self.now:
                self.now = yield from self.aftermath.read_in_doubt(self.now)
            elif ledger.queued or ledger.unread:
                yield from self._fill()
                if ledger.queued:
                    yield from self._fire()
            elif due is not None:
                yield from self._await_settling(due)
            else:
                return

    @property
    def _has_fired(self) -> bool:
        """Whether this try or an earlier one may have fired something."""
        return self.ledger.fired or self.ledger.resumed

    def _await_settling(self, due: float) -> Flow[None]:
        waiting = [request for request in self.ledger.in_doubt if request.due <= due]
        yield from self._sleep(due - self.now, "settle", why_not_fired_yet(waiting))

    def _stop_firing(self, error: Bitrix24Error) -> Flow[None]:
        """Fire nothing more. What is in doubt is read all the same, as long as that is possible."""
        yield Log(f"Stopping: {error}", logging.ERROR)
        self.ledger.refuse_unfired(error)
        while (due := self.ledger.next_due) is not None:
            if due > self.now:
                yield from self._await_settling(due)
            self.now = yield from self.aftermath.read_in_doubt(self.now)
            self.ledger.refuse_unfired(error)

    # -- before

    def _fill(self) -> Flow[None]:
        """Read windows ahead until the next requests are full, so that none goes out half empty."""
        ledger, ahead = self.ledger, self.builder.sizer.size * self.channel.settings.max_concurrency
        while ledger.unread and ledger.queued < ahead:
            window = ledger.take_window(self.verifier.window_size(ledger.unread_refs()))
            readable = [target.ref for target in window if target.ref.readable]
            readings = StageReadings()
            if readable and self.verifier.can_read:
                try:
                    readings = yield from self.verifier.window(readable, patient=self._has_fired)
                except Bitrix24Error:
                    ledger.return_window(window)
                    raise
                self.now = max(self.now, readings.answered_at or self.now)
                if not ledger.queued:
                    self.freshness.record_reading(readings.asked_at)
                if self.verifier.refused:
                    self.builder.stop_batching()
            problem = yield from self.verifier.check_expected(readings)
            self._learn_accepted()
            ledger.record_before(window, readings, looked=self.verifier.can_read)
            if problem is not None:
                yield from self._refuse(problem)
            elif (line := already_line(window, self.verifier.expected)) is not None:
                yield line
            if self.checkpoint is not None:
                yield from self.checkpoint.save_snapshots(window)

    def _learn_accepted(self) -> None:
        if self.verifier.expected is not None:
            self.ledger.expect(self.verifier.expected.accepted)

    def _refuse(self, problem: ConfigurationError) -> Flow[None]:
        """Fire nothing for a stage that does not exist.

        :raises ConfigurationError: nothing was fired yet.
        """
        if not self._has_fired:
            raise ConfigurationError(f"{problem.message} Nothing was fired.", hint=problem.hint)
        yield Log(f"Firing has stopped: {problem}", logging.ERROR)
        self.ledger.refuse_unfired(problem)

    # -- fire

    def _fire(self) -> Flow[None]:
        if self.ledger.queued >= FIRST_COMMANDS:
            self.now = yield from self.cost.ask(self.now)
        targets = yield from self._await_working_time()
        if not targets:
            return
        acquired = yield from acquire(self.channel, self.rounds.requests(targets))
        self.now = acquired.now
        if self._stale():
            return
        requests = self.rounds.build(acquired.count, targets, read_back=self._reads_back())
        if self.checkpoint is not None:
            try:
                self.now = yield from self.checkpoint.save_ahead([each.targets for each in requests], self.now)
            except BaseException:
                for each in reversed(requests):
                    self.ledger.return_unexecuted(each.targets)  # the try ends before they leave
                raise
        yield from self._send(requests)
        yield from self._save()  # what is known now is not to be looked at by the next try
        yield from self.cost.share()
        line = self.progress.line(self.now)
        if line is not None:
            yield line
        yield from self._recover()

    def _await_working_time(self) -> Flow[int]:
        """Wait until working time is free. Returns how many targets may be fired; none if snapshots are too old."""
        while True:
            granted = yield from self.rounds.claim(self.now)
            if not granted.wait:
                return granted.commands
            seconds = granted.wait + self.channel.random()
            yield from self._sleep(
                seconds, "operating", f"the working time of {self.ledger.job.method} is spent until then"
            )
            if self._stale():
                return 0

    def _reads_back(self) -> bool:
        return self.ledger.job.reads_back and self.verifier.channel is self.channel

    def _send(self, requests: Sequence[FireRequest]) -> Flow[None]:
        self.ledger.record_sent()
        attempts = yield from send(self.channel, [each.call for each in requests])
        self.now = max(self.now, *(attempt.received_at for attempt in attempts))
        self.freshness.record_fire(self.now)
        self.responses.blocking_error = None
        for request, attempt in zip(requests, attempts, strict=True):
            line = self.responses.record(request, attempt, self.now)
            self.rounds.record(attempt, executed=self.responses.executed)
            if line is not None:
                yield line

    def _recover(self) -> Flow[None]:
        """Wait where something did not run.

        :raises Bitrix24Error: repeating cannot help, or has not.
        """
        error, delay = self.responses.blocking_error, self.responses.delay()
        if error is None:
            return
        if delay is None:
            raise error
        kind: SleepKind = "operating" if isinstance(error, OperatingLimitError) else "retry"
        yield from self._sleep(delay, kind, error.message)

    def _stale(self) -> bool:
        """Whether the snapshots have become too old; then they are taken anew before the fire."""
        if not self.verifier.can_read or not self.freshness.expires(self.now):
            return False
        self.ledger.expire_snapshots()
        return True

    def _sleep(self, seconds: float, kind: SleepKind, why: str) -> Flow[None]:
        """Wait with everything saved, since a wait may be where this try ends."""
        if seconds > LOG_EVERY:
            yield from self._save()
        self.now = yield from sleep(seconds, kind, why)

    def _save(self) -> Flow[None]:
        if self.checkpoint is not None:
            yield from self.checkpoint.save()
