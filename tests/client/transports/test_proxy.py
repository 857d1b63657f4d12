"""A request through a proxy that breaks: what was sent is never taken for unsent, so nothing is fired twice."""

from __future__ import annotations

import asyncio

import pytest

from airflow_provider_bitrix24.client import AsyncBitrix24Client, Bitrix24Client
from airflow_provider_bitrix24.simulator.testing import SimulatorServer

TARGETS = [f"DEAL_{number}" for number in range(1, 11)]


def fire(kind, server):
    """Fire through the simulator, which takes the requests of a forwarding proxy as they are."""
    url = server.webhook_url.replace(server.url, "http://localhost")
    options = {"plan": "self-hosted", "settle_after": 0, "proxy": server.url}
    if kind == "sync":
        with Bitrix24Client.from_webhook_url(url, **options) as client:
            return client.trigger_automation(TARGETS, "c5u4m")

    async def run():
        async with AsyncBitrix24Client.from_webhook_url(url, **options) as client:
            return await client.trigger_automation(TARGETS, "c5u4m")

    return asyncio.run(run())


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("fault", ["reset:after", "cut:after", "truncated:after"])
def test_a_connection_through_a_proxy_that_breaks_after_the_fire_fires_nothing_twice(kind, fault):
    with SimulatorServer(port=0, plan="self-hosted") as server:
        for number in range(1, 11):
            server.portal.add_deal(number)
        for stage in ("PREPARATION", "PREPAYMENT_INVOICE", "EXECUTING"):
            server.portal.add_trigger(stage, code="c5u4m")
        server.faults.script([None, fault])
        report = fire(kind, server)
        assert report.moved == len(TARGETS)
        assert set(server.fires.values()) == {1}
        assert set(server.moves.values()) == {1}
