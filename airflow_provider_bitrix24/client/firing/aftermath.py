"""After fires: read what is in doubt until its fate is known, and once more all that has not been seen to arrive."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.firing.in_doubt import ReadingMoment
from airflow_provider_bitrix24.client.flows.effects import Flow, Log

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.firing.ledger import Ledger
    from airflow_provider_bitrix24.client.firing.requests import RequestBuilder
    from airflow_provider_bitrix24.client.firing.verifier import Verifier
    from airflow_provider_bitrix24.client.flows.calls import Channel
    from airflow_provider_bitrix24.client.flows.readings import StageReadings


@dataclass(frozen=True, slots=True)
class Aftermath:
    """Reads what was fired, for one ledger.

    :param channel: the credential that fires.
    :param verifier: reads, with whichever credential may.
    """

    channel: Channel
    verifier: Verifier
    ledger: Ledger
    builder: RequestBuilder

    def read_in_doubt(self, now: float) -> Flow[float]:
        """Read the targets of all requests in doubt that are due, and decide about them. Returns the time afterwards.

        Where that fails in spite of all patience, nothing more is fired, and what is in doubt stays unknown.
        """
        due = self.ledger.take_due(now)
        read = yield from self.verifier.all([target.ref for request in due for target in request.targets])
        readings = read.readings
        if self.verifier.refused:
            self.builder.stop_batching()
        if read.failure is not None:
            due = self.ledger.return_unreached(due, read.reached)
        moment = self._moment_of(readings, now)
        for request in due:
            if self.verifier.can_read:
                self.ledger.resolve(request, readings, moment, self.channel.settings.settle_after)
            else:
                self.ledger.lose(request, permanently=True)
        self.ledger.record_after(readings.found)
        if read.failure is not None:
            yield Log(f"Stopping: {read.failure}", logging.ERROR)
            self.ledger.give_up(read.failure)
        return now if readings.answered_at is None else max(now, readings.answered_at)

    def confirm(self) -> Flow[None]:
        """Read once more, in a request of its own, all that were accepted and have not been seen to arrive."""
        waiting = self.ledger.accepted
        if waiting:
            read = yield from self.verifier.all(waiting)
            if read.failure is not None:
                yield Log(f"Reading the entities after the fire failed: {read.failure}", logging.WARNING)
            self.ledger.record_after(read.readings.found)
        late = self.ledger.close()
        if late and self.verifier.expected is not None:
            yield from self.verifier.learn_stages()
            self.ledger.locate(late, self.verifier.expected)

    def _moment_of(self, readings: StageReadings, now: float) -> ReadingMoment:
        """When a reading was taken: not before it was asked for, which can be long after ``now`` in an outage."""
        at, clock = now if readings.asked_at is None else max(now, readings.asked_at), self.channel.portal_clock
        return ReadingMoment(at, clock.earliest(at), clock.latest(at))
