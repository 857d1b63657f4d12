"""Updating entities: the fields are checked, the entities are read, and the updates are sent as firings are."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client.entities.before import read_before
from airflow_provider_bitrix24.client.entities.fields import read_fields
from airflow_provider_bitrix24.client.entities.sent_before import OTHER_STAGE, PART, SentBefore, moved_since
from airflow_provider_bitrix24.client.entities.update_job import UpdateJob, jobs_of
from airflow_provider_bitrix24.client.entities.update_report import UpdateReport, UpdateResult
from airflow_provider_bitrix24.client.entities.updates import Update, check_updates, with_letters
from airflow_provider_bitrix24.client.errors import Bitrix24Error
from airflow_provider_bitrix24.client.firing import run
from airflow_provider_bitrix24.client.firing.kept import read_kept
from airflow_provider_bitrix24.client.firing.monitor import FiringMonitor
from airflow_provider_bitrix24.client.flows.effects import Flow, Log, Save, Sleep
from airflow_provider_bitrix24.client.report import MISSING, TargetError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_bitrix24.client.firing.kept_firing import KeptFiring
    from airflow_provider_bitrix24.client.flows.calls import Channel
    from airflow_provider_bitrix24.client.flows.effects import CheckpointStore
    from airflow_provider_bitrix24.client.report import TargetResult, TriggerReport

_CHANGED = (
    "An earlier try has sent {:,} of these entities to the same stage with other values beside it. They are not sent "
    "again, since that could move them twice."
)


@dataclass(slots=True)
class UpdateMonitor:
    """How far the updates have come, for the caller that is interrupted in the middle of them."""

    portal: str = ""
    updates: Sequence[Update] = ()
    monitors: dict[str, FiringMonitor] = field(default_factory=dict)
    """By the name of the group."""
    settled: dict[str, UpdateResult] = field(default_factory=dict)
    moved: set[str] = field(default_factory=set)
    """Targets of an earlier try that had moved before this one sent anything, so that nobody has to look again."""

    @property
    def sent(self) -> bool:
        """Whether an update has left, in this call or in an earlier one recorded in a checkpoint."""
        return any(monitor.sent for monitor in self.monitors.values())

    def interrupted_report(self, error: Bitrix24Error) -> UpdateReport:
        """What is known of each update where the call was interrupted."""
        for monitor in self.monitors.values():
            report = monitor.interrupted_report(error)
            if report is not None:
                self.record(report)
        return self.report(TargetError.from_error(error, "no"))

    def record(self, report: TriggerReport) -> None:
        """Take over what became of the updates of one group."""
        self.settled.update((each.target, self._result(each)) for each in report.results)

    def _result(self, fired: TargetResult) -> UpdateResult:
        unknown = fired.error is not None and fired.error.executed == "unknown"
        if unknown and fired.target in self.moved:
            return UpdateResult(target=fired.target, outcome="updated")
        return UpdateResult.from_fire(fired)

    def report(self, otherwise: TargetError, *, preview: bool = False) -> UpdateReport:
        """The results in the caller's order.

        :param otherwise: the error of those that were not sent.
        """
        unsent = (UpdateResult(target=str(each.ref), outcome="failed", error=otherwise) for each in self.updates)
        results = [self.settled.get(each.target, each) for each in unsent]
        return UpdateReport(portal=self.portal, results=results, preview=preview)


def update_entities(
    channel: Channel,
    second: Channel | None,
    updates: Sequence[Update],
    *,
    preview: bool,
    checkpoint_store: CheckpointStore | None,
    monitor: UpdateMonitor,
) -> Flow[UpdateReport]:
    """Update many entities.

    :param second: another credential of the same portal, which reads where the first may not.
    :param preview: whether only to read.
    :param monitor: receives what becomes of each update.
    :raises ConfigurationError: a field does not exist or cannot be changed; nothing was sent.
    :raises Bitrix24Error: nothing was sent. Once something was, later errors are in the report.
    """
    monitor.portal, monitor.updates = channel.portal.base_url, updates
    missing = TargetError("NOT_FOUND", MISSING, "no")
    if updates:
        reader = second or channel
        lists = yield from read_fields(reader, [each.ref.type_id for each in updates])
        check_updates(updates, lists)
        updates = with_letters(updates, lists)
        before = yield from read_before(reader, updates, lists)
        there = [each for each in updates if not before.is_missing(each.ref)]
        if preview:
            would = (UpdateResult(target=str(each.ref), outcome="would_update") for each in there)
            monitor.settled.update((each.target, each) for each in would)
        else:
            if checkpoint_store is not None:
                there = yield from _without_sent(channel, there, checkpoint_store, monitor)
            for job in jobs_of(there, before, lists):
                yield from _send(channel, second, job, checkpoint_store, monitor)
    return monitor.report(missing, preview=preview)


def _without_sent(
    channel: Channel, updates: Sequence[Update], checkpoint_store: CheckpointStore, monitor: UpdateMonitor
) -> Flow[list[Update]]:
    """Leave out what an earlier try has sent to another stage, and let later tries know the values of the others.

    :raises CheckpointError: what earlier tries have kept cannot be read.
    """
    sent = SentBefore.read(checkpoint_store.load, host=channel.portal.host)
    other = {each.ref for each in updates if each.moves and sent.moved_otherwise(each)}
    for ref in other:
        monitor.settled[str(ref)] = UpdateResult(target=str(ref), outcome="failed", error=OTHER_STAGE)
    left = [each for each in updates if each.ref not in other]
    if changed := sum(each.moves and sent.wrote_otherwise(each) for each in left):
        yield Log(_CHANGED.format(changed), logging.WARNING)
    part = sent.part_for(each for each in left if each.moves)
    if part is not None:
        yield Save(PART, part, ahead=False)
    return left


def _send(
    channel: Channel,
    second: Channel | None,
    job: UpdateJob,
    checkpoint_store: CheckpointStore | None,
    monitor: UpdateMonitor,
) -> Flow[None]:
    """Send one group.

    :raises Bitrix24Error: nothing was sent of this group and of those before it.
    """
    refs = list(job.updates)
    watch = FiringMonitor()
    sent_before = monitor.sent
    monitor.monitors[job.name] = watch
    now = yield Sleep(0.0, "pace")  # readings and other groups have taken time
    kept = _kept(channel, job, checkpoint_store)
    if kept is not None:
        monitor.moved |= moved_since(kept, job.before)
    flow = run.trigger_automation(
        channel,
        second,
        job,
        refs,
        now=now,
        durable=checkpoint_store is not None,
        kept=kept,
        is_retry=checkpoint_store is not None and checkpoint_store.is_retry,
        monitor=watch,
    )
    try:
        report = yield from _prefixed(flow, job.name)
    except Bitrix24Error as error:
        if not sent_before:
            raise
        failed = TargetError.from_error(error, "no")
        monitor.settled.update(
            (str(ref), UpdateResult(target=str(ref), outcome="failed", error=failed)) for ref in refs
        )
        return
    monitor.record(report)


def _kept(channel: Channel, job: UpdateJob, checkpoint_store: CheckpointStore | None) -> KeptFiring | None:
    """What an earlier try has kept of this group."""
    if checkpoint_store is None:
        return None
    store = checkpoint_store
    kept = read_kept(
        lambda part: store.load(f"{job.name}_{part}"), host=channel.portal.host, code=job.code, refs=list(job.updates)
    )
    return None if kept is not None and job.repeatable and kept.code != job.code else kept


def _prefixed(flow: Flow[TriggerReport], name: str) -> Flow[TriggerReport]:
    """The same flow, whose checkpoint has parts of its own."""
    result: Any = None
    while True:
        try:
            effect = flow.send(result)
        except StopIteration as end:
            report: TriggerReport = end.value
            return report
        result = yield replace(effect, part=f"{name}_{effect.part}") if isinstance(effect, Save) else effect
