"""A simulated portal on a virtual clock, with a client of either kind in front of it.

Real sockets, no waiting: the client's sleep moves the portal's clock, which is also the client's.
"""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_bitrix24.client import AsyncBitrix24Client, Bitrix24Client, ClientSettings, parse_webhook_url
from airflow_provider_bitrix24.client.clock import Clock
from airflow_provider_bitrix24.client.errors import Bitrix24Error
from airflow_provider_bitrix24.client.stores.process import ProcessStore
from airflow_provider_bitrix24.simulator.clock import Clock as PortalClock
from airflow_provider_bitrix24.simulator.testing import SimulatorServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.drivers import Kind

_NUMBER = count(1)


class _KeepLines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@dataclass
class ClientBench:
    """One portal and one kind of client; keeps the sleeps, the lines logged, and the outcome of each call.

    :param plan: of the portal and, unless ``settings`` say otherwise, of the client.
    :param auto_advance: whether the portal lets time pass by itself while it executes.
    :param on_sleep: called with the seconds of each sleep, before time passes.
    :param reader: webhook URL of a second credential.
    """

    kind: Kind
    settings: dict[str, Any] = field(default_factory=dict)
    plan: str = "standard"
    auto_advance: bool = True
    sleeps: list[float] = field(default_factory=list)
    outcomes: list[Any] = field(default_factory=list)
    on_sleep: Callable[[float], None] | None = None
    reader: str | None = None

    def __post_init__(self) -> None:
        time = PortalClock(virtual=True, auto_advance=self.auto_advance)
        self.server = SimulatorServer(plan=self.plan, clock=time)
        self.portal = self.server.portal
        self._lines = _KeepLines()
        self.log = logging.getLogger(f"bench.{next(_NUMBER)}")
        self.log.setLevel(logging.DEBUG)
        self.log.propagate = False
        self.log.addHandler(self._lines)
        self.store = ProcessStore(time.now)
        self.clock = Clock(monotonic=time.now, sleep=self.sleep, asleep=self.asleep, random=lambda: 0.5)

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()
        assert self.server.crashes == []

    @property
    def logged(self) -> list[str]:
        """The lines that clients have logged."""
        return self._lines.lines

    def deals(self, number: int, *, stage: str = "NEW", code: str = "c", to: str = "PREPARATION") -> list[str]:
        """Fill the portal with deals 1..number and one trigger; returns the targets."""
        for each in range(1, number + 1):
            self.portal.add_deal(each, stage=stage)
        if code:
            self.portal.add_trigger(to, code=code)
        return [f"DEAL_{each}" for each in range(1, number + 1)]

    def stairs(self, number: int) -> list[str]:
        """Deals whose code is on three stages in a row: a second fire would move them a second time."""
        targets = self.deals(number, code="c", to="PREPARATION")
        self.portal.add_trigger("PREPAYMENT_INVOICE", code="c")
        self.portal.add_trigger("EXECUTING", code="c")
        return targets

    def sleep(self, seconds: float) -> None:
        """Let the portal's time pass at once; both clients sleep like this."""
        self.sleeps.append(round(seconds, 3))
        if self.on_sleep is not None:
            self.on_sleep(seconds)
        self.server.clock.advance(seconds)

    async def asleep(self, seconds: float) -> None:
        """See :meth:`sleep`."""
        self.sleep(seconds)

    def client_parts(self, url: str | None = None) -> tuple[Any, dict[str, Any]]:
        """Portal and options of a client on this bench's clock."""
        pasted = parse_webhook_url(url or self.server.webhook_url)
        options = {
            "settings": ClientSettings(plan=self.plan, **{"max_concurrency": 1, **self.settings}),
            "reader": None if self.reader is None else parse_webhook_url(self.reader).portal,
            "default_code": pasted.code,
            "log": self.log,
            "store": self.store,
            "clock": self.clock,
        }
        return pasted.portal, options

    def do(self, method: str, *args: Any, url: str | None = None, **kwargs: Any) -> Any:
        """Call a method of a fresh client; an error of ours is returned, not raised."""
        call = self._call if self.kind == "sync" else self._acall
        try:
            outcome = call(method, url, args, kwargs)
        except Bitrix24Error as error:
            outcome = error
        self.outcomes.append(outcome)
        return outcome

    def fire(self, targets: Any, code: str | None = "c", **kwargs: Any) -> Any:
        """Fire an automation trigger; returns the report or the error."""
        return self.do("trigger_automation", targets, code, **kwargs)

    def _call(self, method: str, url: str | None, args: Any, kwargs: Any) -> Any:
        portal, options = self.client_parts(url)
        with Bitrix24Client(portal, **options) as client:
            answer = getattr(client, method)(*args, **kwargs)
            return list(answer) if method == "list" else answer

    def _acall(self, method: str, url: str | None, args: Any, kwargs: Any) -> Any:
        async def call() -> Any:
            portal, options = self.client_parts(url)
            async with AsyncBitrix24Client(portal, **options) as client:
                if method == "list":
                    return [row async for row in client.list(*args, **kwargs)]
                return await getattr(client, method)(*args, **kwargs)

        return asyncio.run(call())

    def record(self) -> dict[str, Any]:
        """Everything by which the two kinds of client can be compared."""
        requests = [
            (each.method, each.params, each.commands, each.status, each.error, each.fault, each.user_agent)
            for each in self.server.requests
        ]
        return {
            "requests": requests,
            "sleeps": self.sleeps,
            "logged": [self._neutral(line) for line in self.logged],
            "outcomes": [self._plain(each) for each in self.outcomes],
        }

    def _neutral(self, text: str) -> str:
        """A text without what must differ: the port, and what each library calls a failure."""
        return re.sub(r" \(\w+Error\)", "", text.replace(f":{self.server.port}", ":PORT"))

    def _plain(self, outcome: Any) -> Any:
        if isinstance(outcome, Bitrix24Error):
            facts = {key: value for key, value in vars(outcome).items() if key not in ("message", "errors")}
            return type(outcome).__name__, self._neutral(str(outcome)), outcome.executed, outcome.permanent, facts
        return self._neutral(repr(outcome))
