"""Performs the effects that exchange figures with other processes, for both drivers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.flows.effects import ShareCost, ShareWorkingTime

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.limits.cost import SharedCost
    from airflow_provider_bitrix24.client.limits.working_time import WorkingTimeGrant
    from airflow_provider_bitrix24.client.stores.pacer import Pacer


def share(pacer: Pacer, effect: ShareCost | ShareWorkingTime) -> SharedCost | WorkingTimeGrant:
    """Perform one of them. It may block while another process holds the shared state."""
    match effect:
        case ShareCost(name, measured):
            return pacer.share_cost(name, measured)
        case ShareWorkingTime(credential, report, claim):
            return pacer.share_working_time(credential, report, claim)
