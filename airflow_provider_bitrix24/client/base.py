"""What may be said to one portal with one connection: arguments checked, flows built, none performed.

Shared by both clients (:mod:`.client`); the flows themselves are in :mod:`.flows`, :mod:`.reading` and
:mod:`.automation`.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.flows import calls, readings
from airflow_provider_bitrix24.client.flows.calls import Channel
from airflow_provider_bitrix24.client.flows.effects import Flow, Log
from airflow_provider_bitrix24.client.limits.bucket import LeakyBucket
from airflow_provider_bitrix24.client.protocol.wire import Call, Params
from airflow_provider_bitrix24.client.settings import ClientSettings
from airflow_provider_bitrix24.client.stages import StageInfo, expected_stages
from airflow_provider_bitrix24.client.stores.pacing import Pacer, PacingStore
from airflow_provider_bitrix24.client.targets import EntityRef, parse_targets
from airflow_provider_bitrix24.client.trigger_code import checked_code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_bitrix24.client.flows.diagnosis import Diagnosis
    from airflow_provider_bitrix24.client.flows.effects import CheckpointStore, Start
    from airflow_provider_bitrix24.client.portal import Portal
    from airflow_provider_bitrix24.client.report import TriggerReport


class Conversations:
    """One portal with one credential (and a second one for reading, if there is), as flows for a driver."""

    def __init__(
        self,
        portal: Portal,
        *,
        settings: ClientSettings | None = None,
        reader: Portal | None = None,
        default_code: str | None = None,
    ) -> None:
        self.settings = settings or ClientSettings()
        self.default_code = default_code
        self.channel = Channel(portal=portal, settings=self.settings)
        if reader is not None and reader.host != portal.host:
            raise ConfigurationError(
                f"The second connection is to {reader.host}, the first to {portal.host}.",
                hint="Both have to lead to the same portal.",
            )
        self.second = None if reader is None else Channel(portal=reader, settings=self.settings)

    def pacer(self, store: PacingStore) -> Pacer:
        """The portal's bucket in a store."""
        bucket = self.settings.bucket
        return Pacer(store=store, key=self.channel.portal.host, bucket=bucket and LeakyBucket(*bucket))

    def call(self, method: str, params: Params | None) -> Flow[Any]:
        """Call any method; ends with its ``result``."""
        return (yield from calls.call(self.channel, Call(method, params or {}))).result

    def trigger(
        self,
        target: object,
        code: str | None,
        expected_stage: str | Sequence[str] | None,
        *,
        verify: bool,
        start: Start,
        checkpoint_store: CheckpointStore | None = None,
    ) -> Flow[TriggerReport]:
        """Fire an automation trigger; all targets and arguments are checked before anything is sent."""
        # Half of the client is about firing: who only reads or calls does without it.
        from airflow_provider_bitrix24.client.firing import run
        from airflow_provider_bitrix24.client.firing.ledger import Job

        refs = parse_targets(target)
        expected = expected_stages(expected_stage)
        code = checked_code(code) or self.default_code
        if expected is not None:
            _refuse_unreadable(refs, verify=verify)
        if code is None and refs:
            yield Log("No code is given: only triggers that have no code themselves will match.", logging.WARNING)
        job = Job(code=code, expected=expected, verify=verify)
        checkpoint = None if checkpoint_store is None else run.Kept(checkpoint_store.load())
        flow = run.trigger_automation(self.channel, self.second, job, refs, start=start, checkpoint=checkpoint)
        return (yield from flow)

    def execute(self, target: object, code: str) -> Flow[bool]:
        """Fire an application's own trigger."""
        ref = EntityRef.parse(target)
        params = {"CODE": checked_code(code) or self.default_code, "OWNER_TYPE_ID": ref.type_id, "OWNER_ID": ref.id}
        reply = yield from calls.call(self.channel, Call("crm.automation.trigger.execute", params))
        return bool(reply.result)

    def diagnose(self) -> Flow[Diagnosis]:
        """Find out whether the connection works."""
        from airflow_provider_bitrix24.client.flows.diagnosis import diagnose

        return (yield from diagnose(self.channel))

    def stages(self, targets: object) -> Flow[dict[str, StageInfo]]:
        """Read where entities stand, with the second credential if there is one: it was given for reading."""
        refs = parse_targets(targets)
        unreadable = [str(ref) for ref in refs if not ref.readable]
        if unreadable:
            raise ConfigurationError(
                f"{', '.join(unreadable[:10])} have no stage that can be read.",
                hint="Contacts, companies and orders cannot be read with crm.item.*.",
            )
        seen = yield from readings.read_stages(self.second or self.channel, refs)
        for ref in refs:
            if ref not in seen.found and ref.type_id in seen.refused:
                raise seen.refused[ref.type_id]
        return {str(ref): StageInfo.from_snapshot(str(ref), seen.found[ref]) for ref in refs if ref in seen.found}


def _refuse_unreadable(refs: Sequence[EntityRef], *, verify: bool) -> None:
    if not verify:
        raise ConfigurationError(
            "expected_stage needs verification, which is off.",
            hint="Leave out verify=False, or expected_stage.",
        )
    unreadable = [str(ref) for ref in refs if not ref.readable]
    if unreadable:
        raise ConfigurationError(
            f"expected_stage cannot be checked for {', '.join(unreadable[:10])}.",
            hint="The portal acts on other entities for a contact or company, and orders cannot be read; "
            "leave out expected_stage for them.",
        )
