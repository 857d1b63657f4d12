"""Flows performed by either driver on its own."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_bitrix24.client.clock import SYSTEM_CLOCK, Clock
from airflow_provider_bitrix24.client.settings import ClientSettings
from airflow_provider_bitrix24.client.stores.pacer import Pacer
from airflow_provider_bitrix24.client.stores.process import ProcessStore
from airflow_provider_bitrix24.client.transports.aio import AsyncDriver
from airflow_provider_bitrix24.client.transports.sync import SyncDriver

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.flows.effects import Flow
    from airflow_provider_bitrix24.client.limits.bucket import LeakyBucket

Kind = Literal["sync", "async"]
KINDS: tuple[Kind, Kind] = ("sync", "async")
LOG = logging.getLogger("test")


def run_flow(
    kind: Kind,
    flow: Flow[Any],
    *,
    settings: ClientSettings | None = None,
    bucket: LeakyBucket | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> Any:
    """Perform a flow with a fresh driver and return its result."""
    pacer = Pacer(store=ProcessStore(clock.monotonic), key="portal", bucket=bucket)
    if kind == "sync":
        driver = SyncDriver(settings or ClientSettings(), pacer=pacer, log=LOG, clock=clock)
        try:
            return driver.run(flow)
        finally:
            driver.close()

    async def run() -> Any:
        adriver = AsyncDriver(settings or ClientSettings(), pacer=pacer, log=LOG, clock=clock)
        try:
            return await adriver.run(flow)
        finally:
            await adriver.close()

    return asyncio.run(run())
