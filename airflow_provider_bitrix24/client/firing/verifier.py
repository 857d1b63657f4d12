"""Reads during a firing: with the firing credential, a second one where the first may not, or not at all.

Under Bitrix24's subscription model the trigger's own "System" webhook may call nothing but
``crm.automation.trigger``: not ``batch``, not ``crm.item.list``. Then a second credential reads, if there is one.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.errors import ApiError, Bitrix24Error, ConfigurationError, PermissionDeniedError
from airflow_provider_bitrix24.client.expected import ExpectedStages
from airflow_provider_bitrix24.client.flows.effects import Flow, Log
from airflow_provider_bitrix24.client.flows.readings import (
    TOO_OLD,
    StageReadings,
    chunks,
    is_too_old,
    pipeline_stages,
    read_window,
)
from airflow_provider_bitrix24.client.protocol.batch import MAX_COMMANDS
from airflow_provider_bitrix24.client.protocol.error_codes import SCOPE_CODES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from airflow_provider_bitrix24.client.entity_ref import EntityRef
    from airflow_provider_bitrix24.client.firing.job import Job
    from airflow_provider_bitrix24.client.flows.calls import Channel
    from airflow_provider_bitrix24.client.stages import Pipeline


@dataclass(frozen=True, slots=True)
class FatesRead:
    """What was read of entities that were fired.

    :param reached: those that were asked for and answered, whether or not they were found.
    :param failure: why the others were not.
    """

    readings: StageReadings
    reached: Collection[EntityRef]
    failure: Bitrix24Error | None = None


TRIES_FOR_ORDER = 3
"""How often a pipeline's stages are asked for where their order decides what is fired."""


@dataclass(slots=True)
class Verifier:
    """Reads with ``channel``; when that is refused, with ``second``; when that is refused too, not at all.

    :param expected: what is known about the expected stages, if there are any.
    """

    channel: Channel | None
    second: Channel | None
    expected: ExpectedStages | None = None
    refused: bool = False
    """Whether the first credential was refused as a whole, so that it can send no batch either."""
    _pipelines: Sequence[Pipeline] = ()
    """Whose stages are read with the next window."""
    _warned: bool = False
    _unchecked: bool = False
    """Whether it was said that a dictionary could not be read."""

    @classmethod
    def for_job(cls, job: Job, channel: Channel, second: Channel | None, refs: Iterable[EntityRef]) -> Verifier:
        """A verifier for a firing of these entities."""
        if not job.verify:
            return cls(None, None)
        expected = None
        if job.expected is not None or job.fail_on:
            types, tries = {ref.type_id for ref in refs}, TRIES_FOR_ORDER if job.or_later else 1
            expected = ExpectedStages(
                job.expected or (), types, or_later=job.or_later, fail_on=job.fail_on, tries=tries
            )
        return cls(channel, second, expected, _pipelines=expected.to_read({}) if expected else ())

    @property
    def can_read(self) -> bool:
        """Whether anybody may look."""
        return self.channel is not None

    def window_size(self, refs: Iterable[EntityRef]) -> int:
        """How many of the next entities one request can read."""
        return len(next(chunks(refs, room=MAX_COMMANDS - len(self._pipelines))))

    def window(self, refs: Sequence[EntityRef], *, patient: bool = False) -> Flow[StageReadings]:
        """Read up to 2,500 entities with whichever credential may; types that none may read are in ``refused``.

        :param patient: whether others were fired whose fates must not be lost by giving up.
        :raises Bitrix24Error: the portal failed; a refusal is not raised but turns reading off.
        """
        readings = yield from self._read(
            lambda channel: read_window(_patient(channel) if patient else channel, refs, self._pipelines)
        )
        if self.channel is not None:
            yield from self._note_stages(readings)
        return readings

    def all(self, refs: Sequence[EntityRef]) -> Flow[FatesRead]:
        """Read any number of entities that were fired, with whichever credential may, and with patience.

        Where the portal fails in spite of that, what was read before is returned. A refusal turns reading off.
        """
        readings = StageReadings()
        reached: set[EntityRef] = set()
        for part in chunks(refs):
            try:
                readings.add((yield from self._read_part(part)))
            except Bitrix24Error as error:
                return FatesRead(readings, reached, error)
            reached.update(part)
        return FatesRead(readings, reached)

    def _read_part(self, refs: Sequence[EntityRef]) -> Flow[StageReadings]:
        return self._read(lambda channel: read_window(_patient(channel), refs))

    def _read(self, read: Callable[[Channel], Flow[StageReadings]]) -> Flow[StageReadings]:
        """Read with the credential that reads by now, and with the next one where it is refused."""
        while self.channel is not None:
            try:
                readings = yield from read(self.channel)
            except PermissionDeniedError as error:
                self.refused = True
                yield from self._next(error)
                continue
            forbidden = [each for each in readings.refused.values() if isinstance(each, PermissionDeniedError)]
            if not forbidden:
                yield from self._stop_if_too_old(readings)
                return readings
            if self.second is None:
                yield from self._warn_blind(forbidden[0])
                return readings
            yield from self._next(forbidden[0])
        return StageReadings()

    def check_expected(self, readings: StageReadings) -> Flow[ConfigurationError | None]:
        """Find out whether the expected stages exist; returns the error where one does not.

        :param readings: where the targets stand that are to be fired next.
        """
        if self.expected is None or self.channel is None or not readings.found:
            return None
        yield from self._read_pipelines(self.channel, self.expected, self.expected.to_read(readings.found))
        problem = self.expected.problem()
        if problem is None:
            for line in self.expected.warnings(readings.found):
                yield Log(line, logging.WARNING)
        return problem

    def learn_order(self) -> Flow[None]:
        """Read the expected stages' pipelines now, where the first reading of targets may be too late for that."""
        if self.expected is not None and self.expected.or_later:
            yield from self.learn_stages()

    def learn_stages(self) -> Flow[None]:
        """Read the expected stages' pipelines, unless that was done: a try that resumes may read no other targets."""
        if self.expected is not None and self.channel is not None:
            pipelines, self._pipelines = self._pipelines, ()
            yield from self._read_pipelines(self.channel, self.expected, pipelines)

    def _read_pipelines(self, channel: Channel, expected: ExpectedStages, pipelines: Iterable[Pipeline]) -> Flow[None]:
        for pipeline in pipelines:
            try:
                stages = yield from pipeline_stages(channel, *pipeline)
            except Bitrix24Error:
                continue  # the check is a courtesy: without the dictionary it says nothing
            expected.record({pipeline: stages})
        yield from self._warn_unchecked(expected)

    def _note_stages(self, readings: StageReadings) -> Flow[None]:
        if self.expected is None or not self._pipelines:
            return
        self._pipelines = ()
        self.expected.record(readings.pipelines)
        yield from self._warn_unchecked(self.expected)

    def _warn_unchecked(self, expected: ExpectedStages) -> Flow[None]:
        if expected.unread and not self._unchecked:
            self._unchecked = True
            lost = "The stages of a pipeline could not be read, so expected_stage was not checked before firing."
            if expected.or_later:
                lost += " Of that pipeline, only the stages named count; later ones do not."
            yield Log(lost, logging.WARNING)

    def _stop_if_too_old(self, readings: StageReadings) -> Flow[None]:
        """Let nobody read any more where the portal does not know how: no credential helps."""
        if any(map(is_too_old, readings.refused.values())):
            self.channel = self.second = None
            yield Log(f"{TOO_OLD} What is fired stays unverified.", logging.WARNING)

    def _next(self, error: Bitrix24Error) -> Flow[None]:
        if self.second is not None:
            yield Log("This webhook may not read entities; the second connection reads instead.")
        else:
            yield from self._warn_blind(error)
        self.channel, self.second = self.second, None

    def _warn_blind(self, error: Bitrix24Error) -> Flow[None]:
        if self._warned:
            return
        self._warned = True
        mend = (
            "To have it verified, add the scope in Bitrix24."
            if isinstance(error, ApiError) and error.code in SCOPE_CODES
            else "To have it verified, name a connection whose webhook may read in verify_conn_id."
        )
        name = self.channel.portal.name if self.channel is not None else ""
        to = f" to connection {name}" if name else ""
        yield Log(f"Reading is refused{to}: {error.message} What is fired stays unverified. {mend}", logging.WARNING)


def _patient(channel: Channel) -> Channel:
    return replace(channel, retry=channel.retry.patient())
