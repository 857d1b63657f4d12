"""The simulator in a thread, for tests and scripts that run in the same process."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_bitrix24.simulator.portal import Portal
from airflow_provider_bitrix24.simulator.portal import seed as seeding
from airflow_provider_bitrix24.simulator.portal.accounts import MAIN_SECRET, SYSTEM_SECRET
from airflow_provider_bitrix24.simulator.portal.settings import Plan
from airflow_provider_bitrix24.simulator.server import LOOPBACK, PortalServer

if TYPE_CHECKING:
    import ssl
    from collections import Counter

    from airflow_provider_bitrix24.simulator.clock import Clock
    from airflow_provider_bitrix24.simulator.portal.faults import FaultPlan
    from airflow_provider_bitrix24.simulator.portal.latency import Latency
    from airflow_provider_bitrix24.simulator.portal.limits import OperatingProfile, RequestLimit
    from airflow_provider_bitrix24.simulator.portal.request_log import RequestLog

_START_SECONDS = 30


class SimulatorServer:
    """A portal that serves a loopback port from a thread of its own.

    :param port: 0 for any free port.
    :param plan: ``"standard"``, ``"enterprise"`` or ``"self-hosted"``.
    :param profile: the version of the operating limit: ``"2026-05"``, or ``"2026-09"`` as newer portals have it.
    :param tls: speak https; :attr:`certificate` is then the PEM text that clients must trust.
    :param seed: ``"demo"``, the path of a seed file, or a seed as a dict. By default there are two deal pipelines and
        one of each other type, without items and triggers.
    :param clock: e.g. ``Clock(virtual=True)``.
    :param oauth_port: gives the authorization server a port of its own, 0 for any free one.

    >>> with SimulatorServer() as server:
    ...     item = server.portal.add_deal(id=57)
    ...     server.portal.stage_of("DEAL_57")
    'NEW'
    """

    def __init__(
        self,
        *,
        port: int = 0,
        plan: Plan | str = Plan.STANDARD,
        profile: OperatingProfile = "2026-05",
        tls: bool = False,
        seed: str | Path | dict[str, Any] | None = None,
        clock: Clock | None = None,
        oauth_port: int | None = None,
    ) -> None:
        self.portal = Portal(plan=plan, profile=profile, clock=clock)
        if seed == "demo":
            seeding.apply(self.portal, seeding.DEMO)
        elif isinstance(seed, (str, Path)):
            seeding.load(self.portal, Path(seed))
        elif seed is not None:
            seeding.apply(self.portal, seed)
        self.port = port
        self._oauth_port = oauth_port
        self.certificate = ""
        self._context: ssl.SSLContext | None = None
        if tls:
            from airflow_provider_bitrix24.simulator.tls import server_context

            self._context, self.certificate = server_context()
        self._server = PortalServer(self.portal)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None

    def start(self) -> Self:
        """Start to listen.

        :raises PortInUseError: when the port is taken.
        :raises TimeoutError: when it does not listen within 30 seconds.
        """
        started: Future[int] = Future()
        self._thread = threading.Thread(target=self._serve, args=(started,), name="bitrix24-simulator", daemon=True)
        self._thread.start()
        try:
            self.port = started.result()
        except Exception:
            self._thread.join()
            self._thread = None
            raise
        return self

    def stop(self) -> None:
        """Close the port and end the thread; a stopped server stays stopped."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The portal's address, e.g. ``http://127.0.0.1:41234``."""
        return f"{'https' if self._context else 'http'}://{LOOPBACK}:{self.port}"

    @property
    def oauth_url(self) -> str:
        """The authorization server's address; the portal's own unless it has a port of its own."""
        return self.portal.addresses.oauth if self.portal.addresses else self.url

    @property
    def webhook_url(self) -> str:
        """An administrator's ordinary webhook with the scope `crm`."""
        return f"{self.url}/rest/1/{MAIN_SECRET}/"

    @property
    def system_webhook_url(self) -> str:
        """The System webhook, which the portal creates for its triggers; see the switch `subscription`."""
        return f"{self.url}/rest/1/{SYSTEM_SECRET}/"

    @property
    def board_url(self) -> str:
        """The address of the board."""
        return f"{self.url}/_simulator/board"

    def trigger_url(self, code: str, type_name: str = "DEAL") -> str:
        """The URL that Bitrix24 shows for a trigger; the caller replaces ``{{ID}}``."""
        return f"{self.system_webhook_url}crm.automation.trigger/?target={type_name}_{{{{ID}}}}&code={code}"

    @property
    def fires(self) -> Counter[str]:
        """How many fires were executed for each target."""
        return self.portal.fires

    @property
    def moves(self) -> Counter[str]:
        """How often each item moved to another stage."""
        return self.portal.moves

    @property
    def requests(self) -> RequestLog:
        """The request log, secrets hidden."""
        return self.portal.request_log

    @property
    def faults(self) -> FaultPlan:
        """The faults that the next requests will meet."""
        return self.portal.faults

    @property
    def limits(self) -> RequestLimit:
        """The request limit, a leaky bucket."""
        return self.portal.limits

    @property
    def latency(self) -> Latency:
        """The working time of each request and of each command."""
        return self.portal.latency

    @property
    def clock(self) -> Clock:
        """The portal's clock."""
        return self.portal.clock

    @property
    def crashes(self) -> list[BaseException]:
        """Exceptions of the simulator itself; a test can check that there were none."""
        return self._server.rest.crashes

    def _serve(self, started: Future[int]) -> None:
        """Serve until :meth:`stop`. The thread that starts this one gets the port, or the error."""
        try:
            asyncio.run(self._run(started))
        except Exception as error:
            if started.done():
                raise
            started.set_exception(error)

    async def _run(self, started: Future[int]) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with asyncio.timeout(_START_SECONDS):
            port = await self._server.start(LOOPBACK, self.port, self._context, oauth_port=self._oauth_port)
        started.set_result(port)
        await self._stop.wait()
        await self._server.stop()
