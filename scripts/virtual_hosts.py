"""Many hosts that fire at one simulated portal in virtual time: waiting takes no time, and nothing is by chance.

Everything runs in one event loop whose clock jumps to whatever happens next: the client's own flows, limits and waits,
and the simulator's answers. Only the HTTP between them is left out.
"""

from __future__ import annotations

import asyncio
import logging
import random
import selectors
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from airflow_provider_bitrix24.client import AsyncBitrix24Client, ClientSettings
from airflow_provider_bitrix24.client.clock import Clock
from airflow_provider_bitrix24.client.errors import ConnectFailed
from airflow_provider_bitrix24.client.flows.effects import NoResponse
from airflow_provider_bitrix24.client.limits.bucket import LeakyBucket
from airflow_provider_bitrix24.client.portal import Portal as Credential
from airflow_provider_bitrix24.client.protocol.wire import HttpRequest, HttpResponse
from airflow_provider_bitrix24.client.stores.pacer import Pacer
from airflow_provider_bitrix24.client.stores.process import ProcessStore
from airflow_provider_bitrix24.client.transports.aio import AsyncDriver
from airflow_provider_bitrix24.simulator.clock import VIRTUAL_START
from airflow_provider_bitrix24.simulator.clock import Clock as PortalClock
from airflow_provider_bitrix24.simulator.portal import Portal
from airflow_provider_bitrix24.simulator.portal.accounts import MAIN_SECRET, SYSTEM_SECRET
from airflow_provider_bitrix24.simulator.rest.request import RestRequest
from airflow_provider_bitrix24.simulator.rest.service import RestService

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

    from airflow_provider_bitrix24.client.report import TriggerReport
    from airflow_provider_bitrix24.client.stores.protocol import SharedStore

T = TypeVar("T")
HOST = "portal.example"
SOURCE = "192.0.2.1"
"""The one address from which the portal sees all hosts."""


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop that does not wait: where nothing else is to be done, its clock jumps ahead."""

    def __init__(self) -> None:
        self.virtual_seconds = 0.0
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self.virtual_seconds


class _JumpingSelector(selectors.SelectSelector):
    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if found or timeout == 0:
            return found
        if timeout is None:
            raise RuntimeError("everything waits for something that never happens")
        self._loop.virtual_seconds += timeout
        return []


class _LoopClock(PortalClock):
    """The portal's clock, driven by the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._loop = loop

    def now(self) -> float:
        return VIRTUAL_START + self._loop.time()


class _Driver(AsyncDriver):
    """Hands requests to the simulator's service instead of to a socket."""

    def __init__(self, hosts: VirtualHosts, settings: ClientSettings, pacer: Pacer, clock: Clock) -> None:
        super().__init__(settings, pacer=pacer, log=hosts.log, clock=clock)
        self._hosts = hosts

    async def _send(self, outgoing: HttpRequest, *, share: int) -> HttpResponse | NoResponse:
        del share
        sent_at = self.now()
        await asyncio.sleep(self._hosts.network_seconds)
        path = urlsplit(outgoing.url).path.removeprefix("/rest/")
        request = RestRequest(
            http_method="POST",
            path=path,
            query="",
            body=outgoing.body,
            content_type="application/json",
            source=SOURCE,
            secure=True,
            host=HOST,
        )
        arrived = self.now()
        answer = await self._hosts.service.handle(request)
        self._hosts.served(arrived, self.now())
        await asyncio.sleep(self._hosts.network_seconds)
        if answer.connection != "keep":
            return NoResponse(ConnectFailed("The connection was cut."), sent_at, self.now())
        return HttpResponse(
            status=answer.status,
            body=bytes(answer.body),
            content_type=answer.content_type,
            sent_at=sent_at,
            received_at=self.now(),
        )


@dataclass
class VirtualHosts:
    """One portal, and hosts that share its address. Make it inside :func:`in_virtual_time`.

    :param share: whether all hosts use one store; otherwise they share nothing, as pods without a store do.
    :param network_seconds: how long a request and its answer travel, each.
    :param seed: of all random numbers.
    """

    share: bool = False
    network_seconds: float = 0.01
    seed: int = 1
    settings: dict[str, Any] = field(default_factory=dict)
    log: logging.Logger = field(default_factory=lambda: logging.getLogger("virtual_hosts"))

    def __post_init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.portal = Portal(clock=_LoopClock(self.loop))
        self.service = RestService(self.portal)
        self.random = random.Random(self.seed)  # noqa: S311  # the same figures in every run
        self._shared = ProcessStore(self.loop.time)
        self._first, self._last = float("inf"), 0.0

    def strict(self) -> None:
        """Read the documentation of the bucket in the strictest way: it leaks once a second and counts refusals."""
        self.portal.limits.drain = "steps"
        self.portal.limits.refused_count = True

    def deals(self, count: int, code: str = "c", stage: str = "PREPARATION") -> list[str]:
        """Fill the portal with deals and a trigger; returns the targets."""
        self.portal.add_trigger(stage, code=code)
        for number in range(1, count + 1):
            self.portal.add_deal(number)
        return [f"DEAL_{number}" for number in range(1, count + 1)]

    def client(self, *, system: bool = False, store: SharedStore | None = None) -> AsyncBitrix24Client:
        """A client on a new host.

        :param system: use the System webhook.
        :param store: where the host keeps its states; by default the shared store, or one of its own.
        """
        secret = SYSTEM_SECRET if system else MAIN_SECRET
        credential = Credential(base_url=f"https://{HOST}", user_id="1", secret=secret)
        settings = ClientSettings(**self.settings)
        clock = Clock(
            now=lambda: VIRTUAL_START + self.loop.time(),
            monotonic=self.loop.time,
            asleep=asyncio.sleep,
            random=self.random.random,
        )
        if store is None:
            store = self._shared if self.share else ProcessStore(self.loop.time)
        bucket = None if settings.bucket is None else LeakyBucket(*settings.bucket)
        pacer = Pacer(store=store, key=HOST, bucket=bucket)
        driver = _Driver(self, settings, pacer, clock)
        return AsyncBitrix24Client(credential, settings=settings, store=store, clock=clock, driver=driver)

    async def fire(
        self, targets: list[str], *, starts: float = 0.0, verify: bool = True, system: bool = False
    ) -> TriggerReport:
        """Fire from a new host, as a new process that takes some seconds to start."""
        await asyncio.sleep(starts)
        async with self.client(system=system) as client:
            return await client.trigger_automation(targets, "c", verify=verify)

    async def together(self, firings: Iterable[Coroutine[Any, Any, T]], at_once: int | None = None) -> list[T]:
        """Run some, at most so many at once."""
        slots = asyncio.Semaphore(at_once or 10**9)

        async def one(firing: Coroutine[Any, Any, T]) -> T:
            async with slots:
                return await firing

        return await asyncio.gather(*(one(each) for each in firings))

    def served(self, arrived: float, answered: float) -> None:
        """Note when a request arrived and was answered."""
        self._first = min(self._first, arrived)
        self._last = max(self._last, answered)

    @property
    def seconds(self) -> float:
        """From the first request's arrival to the last answer."""
        return self._last - self._first


def in_virtual_time(scenario: Coroutine[Any, Any, T]) -> T:
    """Run a scenario to its end."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(scenario)
