"""What only the asynchronous driver does; what both drivers do alike is in the other files of this folder."""

from __future__ import annotations

import asyncio
import fcntl
import logging

from airflow_provider_bitrix24.client import AsyncBitrix24Client
from airflow_provider_bitrix24.client.flows.effects import Acquire
from airflow_provider_bitrix24.client.limits.bucket import LeakyBucket
from airflow_provider_bitrix24.client.settings import ClientSettings
from airflow_provider_bitrix24.client.stores.file import FileStore
from airflow_provider_bitrix24.client.stores.pacer import Pacer
from airflow_provider_bitrix24.client.transports.aio import AsyncDriver
from airflow_provider_bitrix24.simulator.testing import SimulatorServer


async def test_the_event_loop_runs_while_another_process_holds_the_shared_state(tmp_path):
    store = FileStore(tmp_path, clock=lambda: 1000.0, patience=60.0)
    pacer = Pacer(store=store, key="portal", bucket=LeakyBucket(50, 2.0))
    pacer.acquire(48, 0)
    [path] = tmp_path.glob("*.json")
    driver = AsyncDriver(ClientSettings(), pacer=pacer, log=logging.getLogger("test"))

    def flow():
        return (yield Acquire(1))

    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        waiting = asyncio.ensure_future(driver.run(flow()))
        for _ in range(10):
            await asyncio.sleep(0)
        assert not waiting.done()
        fcntl.flock(held, fcntl.LOCK_UN)
        granted = await waiting
    assert granted.wait == 0.5
    await driver.close()


def test_a_client_can_be_used_in_several_event_loops_one_after_the_other():
    with SimulatorServer(plan="self-hosted") as server:
        client = AsyncBitrix24Client.from_webhook_url(server.webhook_url, plan="self-hosted")
        for _ in range(3):
            assert "crm" in asyncio.run(client.call("scope"))

        async def once_more():
            async with client:
                return await asyncio.gather(*(client.call("scope") for _ in range(5)))

        assert len(asyncio.run(once_more())) == 5


def test_a_client_survives_an_event_loop_that_was_only_closed():
    with SimulatorServer(plan="self-hosted") as server:
        client = AsyncBitrix24Client.from_webhook_url(server.webhook_url, plan="self-hosted")
        loop = asyncio.new_event_loop()
        assert "crm" in loop.run_until_complete(client.call("scope"))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
        assert "crm" in asyncio.run(client.call("scope"))
