"""What a firing would do: it reads as a firing does before its first fire, and sends nothing that changes anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.firing.job import Job, Target
from airflow_provider_bitrix24.client.firing.ledger import Ledger
from airflow_provider_bitrix24.client.firing.verifier import Verifier
from airflow_provider_bitrix24.client.flows.readings import StageReadings
from airflow_provider_bitrix24.client.report import TriggerReport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_bitrix24.client.entity_ref import EntityRef
    from airflow_provider_bitrix24.client.flows.calls import Channel
    from airflow_provider_bitrix24.client.flows.effects import Flow


def preview_automation(
    channel: Channel, second: Channel | None, job: Job, refs: Sequence[EntityRef]
) -> Flow[TriggerReport]:
    """Report which targets would be fired, which already stand where they should, and which would fail.

    :param second: another credential of the same portal, which reads where the first may not.
    :raises ConfigurationError: an expected stage does not exist.
    :raises Bitrix24Error: the portal failed or gave no answer.
    """
    ledger = Ledger(job, (Target(ref) for ref in refs))
    verifier = Verifier.for_job(job, channel, second, refs)
    while ledger.unread:
        window = ledger.take_window(verifier.window_size(ledger.unread_refs()))
        readable = [target.ref for target in window if target.ref.readable]
        readings = StageReadings()
        if readable and verifier.can_read:
            readings = yield from verifier.window(readable)
        problem = yield from verifier.check_expected(readings)
        if problem is not None:
            raise problem
        if verifier.expected is not None:
            ledger.expect(verifier.expected.accepted)
        ledger.record_before(window, readings, looked=verifier.can_read)
    ledger.settle_preview()
    results = [target.result() for target in ledger.targets]
    return TriggerReport(code=job.code, portal=channel.portal.base_url, results=results, preview=True)
