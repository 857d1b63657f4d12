"""Performs the effects that exchange figures with other processes, for both drivers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.flows.effects import NoResponse, ShareCost, ShareWorkingTime

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_bitrix24.client.limits.cost import SharedCost
    from airflow_provider_bitrix24.client.limits.working_time import WorkingTimeGrant
    from airflow_provider_bitrix24.client.protocol.wire import HttpResponse
    from airflow_provider_bitrix24.client.stores.pacer import Pacer


@dataclass(slots=True)
class LastAnswered:
    """The last request that was answered, which the portal has therefore received."""

    sent_at: float | None = None
    """Seconds of the driver's clock."""

    def note(self, answers: Iterable[HttpResponse | NoResponse]) -> None:
        """Record which requests were answered."""
        for each in answers:
            if not isinstance(each, NoResponse) and (self.sent_at is None or each.sent_at > self.sent_at):
                self.sent_at = each.sent_at

    def seconds_ago(self, now: float) -> float | None:
        """Seconds since it was sent."""
        return None if self.sent_at is None else now - self.sent_at


def share(pacer: Pacer, effect: ShareCost | ShareWorkingTime) -> SharedCost | WorkingTimeGrant:
    """Perform one of them. It may block while another process holds the shared state."""
    match effect:
        case ShareCost(name, measured):
            return pacer.share_cost(name, measured)
        case ShareWorkingTime(credential, report, claim):
            return pacer.share_working_time(credential, report, claim)
