"""Who reads during a firing: the firing credential, a second one where the first may not, or nobody.

Under Bitrix24's subscription model the trigger's own "System" webhook may call nothing but
``crm.automation.trigger``: not ``batch``, not ``crm.item.list``. Then a second credential reads, if there is one.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.errors import Bitrix24Error, PermissionDeniedError
from airflow_provider_bitrix24.client.flows.effects import Flow, Log
from airflow_provider_bitrix24.client.flows.readings import StageReadings, pipeline_stages, read_stages, read_window
from airflow_provider_bitrix24.client.stages import why_unmoved

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_bitrix24.client.firing.ledger import Target
    from airflow_provider_bitrix24.client.flows.calls import Channel
    from airflow_provider_bitrix24.client.targets import EntityRef

ADVICE_PIPELINES = 3
"""How many pipelines are looked up to explain an expected stage that is none."""


@dataclass(slots=True)
class Verifier:
    """Reads with ``channel``; when that is refused, with ``second``; when that is refused too, not at all."""

    channel: Channel | None
    second: Channel | None
    refused: bool = False
    """Whether the first credential was refused as a whole, so that it can send no batch either."""
    _warned: bool = False

    @property
    def can_read(self) -> bool:
        """Whether anybody may look."""
        return self.channel is not None

    def window(self, refs: Sequence[EntityRef]) -> Flow[StageReadings]:
        """Read up to 2,500 entities with whoever may; types that nobody may read are in ``refused``.

        :raises Bitrix24Error: the portal failed; a refusal is not raised but turns reading off.
        """
        while self.channel is not None:
            try:
                reading = yield from read_window(self.channel, refs)
            except PermissionDeniedError as error:
                self.refused = True
                yield from self._next(error)
                continue
            forbidden = [each for each in reading.refused.values() if isinstance(each, PermissionDeniedError)]
            if not forbidden:
                return reading
            if self.second is None:
                yield from self._tell_blind(forbidden[0])
                return reading
            yield from self._next(forbidden[0])
        return StageReadings()

    def all(self, refs: Sequence[EntityRef]) -> Flow[StageReadings]:
        """Read any number of entities that were fired, with the credential that reads by now, and with patience.

        :raises Bitrix24Error: the portal refused or failed.
        """
        if self.channel is None:
            return StageReadings()
        patient = replace(self.channel, retry=self.channel.retry.patient())
        return (yield from read_stages(patient, refs))

    def _next(self, error: Bitrix24Error) -> Flow[None]:
        if self.second is not None:
            yield Log("This webhook may not read entities; the second connection reads instead.")
        else:
            yield from self._tell_blind(error)
        self.channel, self.second = self.second, None

    def _tell_blind(self, error: Bitrix24Error) -> Flow[None]:
        if self._warned:
            return
        self._warned = True
        yield Log(
            f"Reading is refused ({error.message}) What is fired stays unverified. To have it verified, name a "
            "second connection to the same portal that has an ordinary webhook of a user who may read "
            "(verify_conn_id), or use such a webhook for firing.",
            logging.WARNING,
        )

    def advise(self, unmoved: Sequence[Target], expected: frozenset[str] | None) -> Flow[None]:
        """Where an expected stage is none of the pipeline's, say so in the target's ``reason``."""
        if expected is None or self.channel is None:
            return
        pipelines: dict[tuple[int, int | None], list[Target]] = {}
        for target in unmoved:
            category = target.after.category_id if target.after else None
            pipelines.setdefault((target.ref.type_id, category), []).append(target)
        for (type_id, category), targets in islice(pipelines.items(), ADVICE_PIPELINES):
            try:
                stages = yield from pipeline_stages(self.channel, type_id, category)
            except Bitrix24Error:
                return  # an advice is not worth an error
            for target in targets:
                target.reason = why_unmoved(target.after, expected, stages)
