"""Many processes meet one expired token: ``python -m benchmarks.tokens``.

Each scenario starts a simulator whose tokens are strict, lets the access token expire, and releases all processes at
once. Hosts are processes with a name and a lock directory of their own. The store `variables` imitates Airflow's
Variables: pair and claim are two files, read and written without a lock, 10 ms each. Printed are the refreshes that
succeeded, the refresh tokens that were refused because somebody had used them before, the calls that failed, and the
chains that were lost.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client import AsyncBitrix24Client, Bitrix24Client
from airflow_provider_bitrix24.client.errors import Bitrix24Error
from airflow_provider_bitrix24.client.oauth.application import ApplicationPortal
from airflow_provider_bitrix24.client.oauth.pair import Pair
from airflow_provider_bitrix24.client.oauth.shared_token_store import SharedTokenStore
from airflow_provider_bitrix24.client.oauth.token_store import Claim, Kept
from airflow_provider_bitrix24.client.settings import ClientSettings
from airflow_provider_bitrix24.client.stores.redis import RedisStore
from airflow_provider_bitrix24.client.stores.sql import SqlStore
from airflow_provider_bitrix24.simulator.portal.model import Application
from airflow_provider_bitrix24.simulator.testing import SimulatorServer
from scripts.postgres_server import PostgresProcess, server_programs
from scripts.redis_server import RedisProcess, server_program

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.synchronize import Barrier

    from airflow_provider_bitrix24.client.oauth.token_store import TokenStore

CLIENT_ID, SECRET = "local.bench", "appl1cat10n"
_LATENCY = 0.01
_FORK = multiprocessing.get_context("fork")


class Variables:
    """Two files without a lock, as slow as asking Airflow's API."""

    atomic = False
    identity = "benchmark"

    def __init__(self, folder: Path) -> None:
        self._pair, self._claim = folder / "pair.json", folder / "claim.json"

    def load(self) -> Kept:
        return Kept(pair=Pair.from_record(_read(self._pair)), claim=Claim.from_record(_read(self._claim)))

    def update(self, change: Callable[[Kept], Kept]) -> Kept:
        before = self.load()
        after = change(before)
        if after.pair != before.pair and after.pair is not None:
            _write(self._pair, after.pair.as_record())
        if after.claim != before.claim:
            _write(self._claim, after.claim.as_record() if after.claim else None)
        return self.load()


def _read(path: Path) -> Any:
    time.sleep(_LATENCY)
    return json.loads(path.read_text()) if path.exists() else None


def _write(path: Path, value: Any) -> None:
    time.sleep(_LATENCY)
    new = path.with_suffix(f".{multiprocessing.current_process().pid}")
    new.write_text(json.dumps(value))
    new.replace(path)


@dataclass(frozen=True)
class Scenario:
    """How many processes on how many hosts, with coroutines in each, over which store."""

    name: str
    store: str
    hosts: int
    processes: int
    coroutines: int = 0


SCENARIOS = [
    Scenario("32 processes, one of them with 32 coroutines", "variables", hosts=1, processes=32, coroutines=32),
    Scenario("3 hosts x 8 processes", "variables", hosts=3, processes=8),
    Scenario("3 hosts x 8 processes", "redis", hosts=3, processes=8),
    Scenario("3 hosts x 8 processes", "postgres", hosts=3, processes=8),
]


def _call(url: str, make: Callable[[], TokenStore], folder: Path, host: str, coroutines: int, ready: Barrier) -> None:
    """One process: waits for the others, calls, and writes down how it went."""
    portal = ApplicationPortal(base_url=url, user_id=CLIENT_ID, secret=SECRET, token_store=make())
    options: dict[str, Any] = {
        "settings": ClientSettings(plan="self-hosted", shared_store_directory=str(folder / host)),
    }
    ready.wait()
    failed = asyncio.run(_many(portal, options, host, coroutines)) if coroutines else _one(portal, options, host)
    (folder / f"{multiprocessing.current_process().pid}.result").write_text(str(failed))


def _one(portal: ApplicationPortal, options: dict[str, Any], host: str) -> int:
    with Bitrix24Client(portal, **options) as client:
        client._channel.tokens.host = host  # noqa: SLF001 - a process plays a host
        try:
            client.call("scope")
        except Bitrix24Error as error:
            print(f"    {host}: {error}")
            return 1
    return 0


async def _many(portal: ApplicationPortal, options: dict[str, Any], host: str, coroutines: int) -> int:
    async with AsyncBitrix24Client(portal, **options) as client:
        client._channel.tokens.host = host  # noqa: SLF001 - a process plays a host
        results = await asyncio.gather(*(client.call("scope") for _ in range(coroutines)), return_exceptions=True)
    return sum(isinstance(each, BaseException) for each in results)


def run(scenario: Scenario, make: Callable[[], TokenStore], folder: Path) -> str:
    """Play a scenario and return its row."""
    with SimulatorServer(plan="self-hosted") as server:
        portal, now = server.portal, server.clock.now()
        portal.accounts.add_application(Application(CLIENT_ID, SECRET))
        grant = portal.tokens.issue(CLIENT_ID, 1, frozenset({"crm"}), now)
        pair = Pair(
            access_token=grant.access_token,
            refresh_token=grant.refresh_token,
            expires=grant.expires,
            lifetime=3600.0,
            stored_at=now,
            server_endpoint=f"{server.url}/rest/",
        )
        make().update(lambda _: Kept(pair=pair))
        server.clock.advance(3601)
        count = scenario.hosts * scenario.processes
        ready = _FORK.Barrier(count)
        callers = [
            _FORK.Process(
                target=_call,
                args=(
                    server.url,
                    make,
                    folder,
                    f"host-{number % scenario.hosts}",
                    scenario.coroutines * (not number),
                    ready,
                ),
            )
            for number in range(count)
        ]
        started = time.monotonic()
        for each in callers:
            each.start()
        for each in callers:
            each.join()
        took = time.monotonic() - started
        failed = sum(int(path.read_text()) for path in folder.glob("*.result"))
        died = count - len(list(folder.glob("*.result")))
        kept = make().load().pair
        lost = kept is None or portal.tokens._by_refresh.get(kept.refresh_token) is None  # noqa: SLF001
        tokens = portal.tokens
    return (
        f"| {scenario.name} | {scenario.store} | {tokens.refreshes} | {tokens.refused_refreshes} | {failed + died} "
        f"| {int(lost)} | {took:.1f} s |"
    )


def main() -> None:
    """Play all scenarios."""
    print("| callers | store | refreshes | refused | failed calls | lost chains | took |")
    print("|---|---|---|---|---|---|---|")
    for scenario in SCENARIOS:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            if scenario.store == "variables":
                print(run(scenario, lambda folder=folder: Variables(folder), folder), flush=True)
            elif scenario.store == "redis" and server_program() is not None:
                with RedisProcess(folder) as redis:
                    print(run(scenario, lambda url=redis.url: _shared(RedisStore.from_url(url)), folder), flush=True)
            elif scenario.store == "postgres" and (programs := server_programs()) is not None:
                with PostgresProcess(programs) as postgres:
                    print(run(scenario, lambda url=postgres.url: _shared(SqlStore(url)), folder), flush=True)


def _shared(store: Any) -> SharedTokenStore:
    return SharedTokenStore(store, key="benchmark", secret=SECRET)


if __name__ == "__main__":
    main()
