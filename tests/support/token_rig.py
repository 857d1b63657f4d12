"""An application on a simulated portal, a store of tokens in memory, and clients that share them."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import threading
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client import AsyncBitrix24Client, Bitrix24Client
from airflow_provider_bitrix24.client.clock import Clock
from airflow_provider_bitrix24.client.oauth.application import ApplicationPortal
from airflow_provider_bitrix24.client.oauth.pair import Pair
from airflow_provider_bitrix24.client.oauth.source import TokenSource
from airflow_provider_bitrix24.client.oauth.token_store import Kept
from airflow_provider_bitrix24.client.settings import ClientSettings
from airflow_provider_bitrix24.simulator.clock import Clock as PortalClock
from airflow_provider_bitrix24.simulator.portal.model import Application
from airflow_provider_bitrix24.simulator.testing import SimulatorServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from airflow_provider_bitrix24.client.flows.effects import Flow

CLIENT_ID, CLIENT_SECRET = "local.app1", "appl1cat10nsecret"
_NUMBERS = count()


class MemoryTokenStore:
    """A store of tokens in memory, which records what was written and can fail, or let somebody in between."""

    def __init__(self, *, atomic: bool = True) -> None:
        self.kept = Kept()
        self.atomic = atomic
        self.identity = f"memory {next(_NUMBERS)}"
        self.written: list[str] = []
        self.between: Callable[[], None] | None = None
        self.failures: list[Exception] = []
        self.shadow: Kept | None = None
        self.loads = 0
        self._lock = threading.RLock()

    def load(self) -> Kept:
        self.loads += 1
        return self.shadow or self.kept

    def update(self, change: Callable[[Kept], Kept]) -> Kept:
        if self.atomic:
            with self._lock:
                return self._update(change)
        return self._update(change)

    def _update(self, change: Callable[[Kept], Kept]) -> Kept:
        if self.failures:
            raise self.failures.pop(0)
        before = self.kept
        after = change(before)
        if self.between is not None:
            between, self.between = self.between, None
            between()
        if after.pair != before.pair:
            self.written.append("pair")
            self.kept = dataclasses.replace(self.kept, pair=after.pair)
        if after.claim != before.claim:
            self.written.append("claim")
            self.kept = dataclasses.replace(self.kept, claim=after.claim)
        return self.kept


class TokenRig:
    """One portal with an application, one store, and whatever calls the portal with its tokens."""

    def __init__(self, server: SimulatorServer, directory: Path, *, atomic: bool = True) -> None:
        self.server, self.portal = server, server.portal
        self.store = MemoryTokenStore(atomic=atomic)
        self.settings = ClientSettings(plan="self-hosted", shared_store_directory=str(directory))
        self.masked: set[str] = set()
        self.logged: list[str] = []
        self.log = logging.getLogger(f"token rig {next(_NUMBERS)}")
        self.log.setLevel(logging.DEBUG)
        handler = logging.Handler()
        handler.emit = lambda record: self.logged.append(record.getMessage())  # type: ignore[method-assign]
        self.log.addHandler(handler)
        self.clock = Clock(
            now=server.clock.now,
            monotonic=server.clock.now,
            sleep=server.clock.advance,
            asleep=self._asleep,
            random=lambda: 1.0,
        )
        self.application = self.portal.accounts.add_application(
            Application(CLIENT_ID, CLIENT_SECRET, redirect_uri="https://app.example/back")
        )

    async def _asleep(self, seconds: float) -> None:
        self.server.clock.advance(seconds)
        await asyncio.sleep(0)

    def application_portal(self, **other: Any) -> ApplicationPortal:
        values = {
            "base_url": self.server.url,
            "user_id": CLIENT_ID,
            "secret": CLIENT_SECRET,
            "token_store": self.store,
            "mask": self.masked.update,
        }
        return ApplicationPortal(**values | other)

    def client(self, **other: Any) -> Bitrix24Client:
        return Bitrix24Client(self.application_portal(**other), settings=self.settings, clock=self.clock, log=self.log)

    def async_client(self, **other: Any) -> AsyncBitrix24Client:
        return AsyncBitrix24Client(
            self.application_portal(**other), settings=self.settings, clock=self.clock, log=self.log
        )

    def authorize(self) -> Pair:
        """Store a pair, as somebody's authorization does."""
        self.store.kept = dataclasses.replace(self.store.kept, pair=self.new_pair())
        return self.store.kept.pair

    def new_pair(self) -> Pair:
        """Issue a pair of a chain of its own."""
        now = self.server.clock.now()
        grant = self.portal.tokens.issue(CLIENT_ID, 1, frozenset({"crm"}), now, self.portal.settings.oauth_profile)
        return Pair(
            access_token=grant.access_token,
            refresh_token=grant.refresh_token,
            expires=grant.expires,
            lifetime=grant.expires - now,
            stored_at=now,
            member_id="5b1c0f2e9a7d4c3680e1f2a3b4c5d6e7",
            user_id=1,
            scopes=("crm",),
            client_endpoint=f"{self.server.url}/rest/",
            server_endpoint=f"{self.server.oauth_url}/rest/",
        )

    def source(self, **other: Any) -> TokenSource:
        return TokenSource(application=self.application_portal(**other), clock=self.clock)

    def expire(self) -> None:
        """Let the access token's hour pass; the client's clock does not show it for certain."""
        self.server.clock.advance(3601)

    @property
    def refreshes(self) -> int:
        return self.portal.tokens.refreshes

    def new_process(self) -> None:
        """Let the next client be in another process: nothing is remembered."""
        self.store.identity = f"{self.store.identity.partition(' #')[0]} #{next(_NUMBERS)}"

    def run(self, kind: str, flow: Flow[Any]) -> Any:
        """Perform a flow with a client's driver."""
        if kind == "sync":
            with self.client() as client:
                return client._driver.run(flow)

        async def run() -> Any:
            async with self.async_client() as client:
                return await client._driver.run(flow)

        return asyncio.run(run())

    def do(self, kind: str, method: str, *args: Any, **options: Any) -> Any:
        """Call a method of a client."""
        if kind == "sync":
            with self.client() as client:
                return getattr(client, method)(*args, **options)

        async def run() -> Any:
            async with self.async_client() as client:
                return await getattr(client, method)(*args, **options)

        return asyncio.run(run())


@contextmanager
def token_rig(directory: Path, *, atomic: bool = True, **options: Any) -> Iterator[TokenRig]:
    """Serve a portal in virtual time."""
    with SimulatorServer(clock=PortalClock(virtual=True), **options) as server:
        yield TokenRig(server, directory, atomic=atomic)
        assert server.crashes == []
        assert server.portal.tokens.secrets_in_url == 0


@contextmanager
def authorized_rig(directory: Path, *, deals: int = 0) -> Iterator[TokenRig]:
    """Serve a portal where the application is authorized, with so many deals at NEW."""
    with token_rig(directory) as rig:
        rig.authorize()
        for number in range(1, deals + 1):
            rig.portal.add_deal(id=number, stage="NEW")
        yield rig
