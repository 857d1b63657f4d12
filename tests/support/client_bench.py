"""A simulated portal on a virtual clock, with a client of either kind in front of it.

Real sockets, no waiting: the client's sleep moves the portal's clock, which is also the client's.
"""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, Literal, Self

from airflow_provider_bitrix24.client import AsyncBitrix24Client, Bitrix24Client, ClientSettings, parse_webhook_url
from airflow_provider_bitrix24.client.errors import Bitrix24Error
from airflow_provider_bitrix24.client.limits.bucket import LeakyBucket
from airflow_provider_bitrix24.client.stores.pacer import Pacer
from airflow_provider_bitrix24.client.stores.process import ProcessStore
from airflow_provider_bitrix24.client.transports.aio import AsyncDriver
from airflow_provider_bitrix24.client.transports.sync import SyncDriver
from airflow_provider_bitrix24.simulator.clock import Clock
from airflow_provider_bitrix24.simulator.testing import SimulatorServer

if TYPE_CHECKING:
    from collections.abc import Callable

Kind = Literal["sync", "async"]
KINDS: tuple[Kind, Kind] = ("sync", "async")
_NUMBER = count(1)


class _Lines(logging.Handler):
    """Keeps what a client says."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@dataclass
class Bench:
    """One portal and one kind of client; keeps the pauses, the lines told, and what each call led to."""

    kind: Kind
    settings: dict[str, Any] = field(default_factory=dict)
    plan: str = "standard"
    auto_advance: bool = True
    pauses: list[float] = field(default_factory=list)
    outcomes: list[Any] = field(default_factory=list)
    on_pause: Callable[[float], None] | None = None
    reader: str | None = None

    def __post_init__(self) -> None:
        clock = Clock(virtual=True, auto_advance=self.auto_advance)
        self.server = SimulatorServer(plan=self.plan, clock=clock)
        self.portal = self.server.portal
        self._lines = _Lines()
        self.log = logging.getLogger(f"bench.{next(_NUMBER)}")
        self.log.setLevel(logging.DEBUG)
        self.log.propagate = False
        self.log.addHandler(self._lines)
        self.store = ProcessStore(clock.now)

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()
        assert self.server.crashes == []

    @property
    def result(self) -> list[str]:
        return self._lines.lines

    def deals(self, number: int, *, stage: str = "NEW", code: str = "c", to: str = "PREPARATION") -> list[str]:
        """Fill the portal with deals 1..number and one trigger; returns the targets."""
        for each in range(1, number + 1):
            self.portal.add_deal(each, stage=stage)
        if code:
            self.portal.add_trigger(to, code=code)
        return [f"DEAL_{each}" for each in range(1, number + 1)]

    def stairs(self, number: int) -> list[str]:
        """Deals whose code sits on three stages in a row: a second fire would move them a second time."""
        targets = self.deals(number, code="c", to="PREPARATION")
        self.portal.add_trigger("PREPAYMENT_INVOICE", code="c")
        self.portal.add_trigger("EXECUTING", code="c")
        return targets

    def sleep(self, seconds: float) -> None:
        """What both clients' sleep does."""
        self.pauses.append(round(seconds, 3))
        if self.on_pause is not None:
            self.on_pause(seconds)
        self.server.clock.advance(seconds)

    def client_parts(self, url: str | None) -> tuple[Any, dict[str, Any]]:
        """Portal and options of a client on this bench's clock."""
        pasted = parse_webhook_url(url or self.server.webhook_url)
        settings = ClientSettings(plan=self.plan, **{"max_concurrency": 1, **self.settings})
        bucket = settings.bucket
        pacer = Pacer(store=self.store, key="portal", bucket=None if bucket is None else LeakyBucket(*bucket))
        common: dict[str, Any] = {"pacer": pacer, "log": self.log, "clock": self.server.clock.now}
        if self.kind == "sync":
            driver: Any = SyncDriver(settings, sleep=self.sleep, **common)
        else:

            async def sleep(seconds: float) -> None:
                self.sleep(seconds)

            driver = AsyncDriver(settings, sleep=sleep, **common)
        reader = None if self.reader is None else parse_webhook_url(self.reader).portal
        options = {"settings": settings, "driver": driver, "reader": reader, "default_code": pasted.code}
        return pasted.portal, {**options, "log": self.log, "store": self.store}

    def do(self, method: str, *args: Any, url: str | None = None, **kwargs: Any) -> Any:
        """Call a method of a fresh client; an error of ours is returned, not raised."""
        try:
            talk = self._sync if self.kind == "sync" else self._async
            answer = talk(method, url, args, kwargs)
        except Bitrix24Error as error:
            answer = error
        self.outcomes.append(answer)
        return answer

    def fire(self, targets: Any, code: str | None = "c", **kwargs: Any) -> Any:
        """Fire an automation trigger; the report or the error."""
        return self.do("trigger_automation", targets, code, **kwargs)

    def _sync(self, method: str, url: str | None, args: Any, kwargs: Any) -> Any:
        portal, options = self.client_parts(url)
        with Bitrix24Client(portal, **options) as client:
            client._channel.random = lambda: 0.5
            answer = getattr(client, method)(*args, **kwargs)
            return list(answer) if method == "list" else answer

    def _async(self, method: str, url: str | None, args: Any, kwargs: Any) -> Any:
        async def talk() -> Any:
            portal, options = self.client_parts(url)
            async with AsyncBitrix24Client(portal, **options) as client:
                client._channel.random = lambda: 0.5
                if method == "list":
                    return [row async for row in client.list(*args, **kwargs)]
                return await getattr(client, method)(*args, **kwargs)

        return asyncio.run(talk())

    def record(self) -> dict[str, Any]:
        """Everything by which two kinds of client can be compared."""
        seen = [
            (each.method, each.params, each.commands, each.status, each.error, each.fault, each.user_agent)
            for each in self.server.requests
        ]
        return {
            "requests": seen,
            "pauses": self.pauses,
            "told": [self._neutral(line) for line in self.result],
            "outcomes": [self._plain(each) for each in self.outcomes],
        }

    def _neutral(self, text: str) -> str:
        """Without what must differ: the port, and what each library calls a failure."""
        return re.sub(r" \(\w+Error\)", "", text.replace(f":{self.server.port}", ":PORT"))

    def _plain(self, outcome: Any) -> Any:
        if isinstance(outcome, Bitrix24Error):
            facts = {key: value for key, value in vars(outcome).items() if key not in ("message", "errors")}
            return type(outcome).__name__, self._neutral(str(outcome)), outcome.executed, outcome.permanent, facts
        if hasattr(outcome, "results") and hasattr(outcome, "as_dict"):
            return self._neutral(repr(outcome))
        return self._neutral(repr(outcome))
