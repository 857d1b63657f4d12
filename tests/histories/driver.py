"""The drivers of the model: the package's own, with the portal object where the network was.

Requests that leave together are with the portal together. Each leaves at a point of its own, since a process may die
between two of them, and the answers are awaited with the patience of the real drivers.
"""

from __future__ import annotations

import asyncio
import math
import selectors
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client.clock import Clock
from airflow_provider_bitrix24.client.errors import ConnectFailed, OutcomeUnknown
from airflow_provider_bitrix24.client.flows.effects import NoResponse
from airflow_provider_bitrix24.client.protocol.wire import HttpResponse
from airflow_provider_bitrix24.client.transports.aio import AsyncDriver
from airflow_provider_bitrix24.client.transports.sharing import LastAnswered
from airflow_provider_bitrix24.client.transports.sync import SyncDriver
from tests.histories.rest import TRIGGER, UPDATE
from tests.histories.timeline import EndlessError

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_bitrix24.client.protocol.wire import HttpRequest
    from tests.histories.portal import Pending
    from tests.histories.world import World

READ_TIMEOUT = 70.0
"""Seconds after which a request without an answer is given up, as by the default settings."""
_FIRING = (TRIGGER, UPDATE)


def leave(world: World, outgoing: HttpRequest) -> tuple[Pending, float]:
    """Let a request leave. Returns it, and when to stop waiting for it (true time)."""
    world.process.firing = any(each == outgoing.method or each.encode() in outgoing.body for each in _FIRING)
    world.process.point(f"send {outgoing.method}")
    pending = world.portal.submit(outgoing.url, outgoing.body, world.sender)
    return pending, min(pending.done_at, world.timeline.now + READ_TIMEOUT)


def arrive(world: World, outgoing: HttpRequest, pending: Pending, sent_at: float) -> HttpResponse | NoResponse:
    """Say what came back by now."""
    now, answer = world.process.monotonic(), pending.answer
    if not pending.sent:
        return NoResponse(ConnectFailed(f"{outgoing.method}: no connection to the portal."), sent_at, now)
    if answer is None or not answer.status:
        return NoResponse(OutcomeUnknown(f"{outgoing.method}: the connection broke."), sent_at, now)
    return HttpResponse(
        status=answer.status, body=answer.body, content_type=answer.content_type, sent_at=sent_at, received_at=now
    )


def heed(pending: Pending, answer: HttpResponse | NoResponse) -> HttpResponse | NoResponse:
    """Note that the process knows by now what it has read."""
    if isinstance(answer, HttpResponse) and pending.whole:
        for look in pending.looks:
            look.arrived = True
        for fire in pending.fires:
            fire.heard = True
    return answer


class ModelDriver(SyncDriver):
    """The blocking driver over the portal object."""

    def __init__(self, world: World, pacer: Any, log: Any) -> None:
        self._world, self._pacer, self._log = world, pacer, log
        self._answered = LastAnswered()
        process = world.process
        self._clock = Clock(monotonic=process.monotonic, now=process.wall, sleep=process.sleep)

    def close(self) -> None:
        pass

    def _exchange(self, outgoing: tuple[HttpRequest, ...]) -> tuple[HttpResponse | NoResponse, ...]:
        world, process = self._world, self._world.process
        sent_at = process.monotonic()
        left = [(each, *leave(world, each)) for each in outgoing]
        process.point("sent")
        answers: dict[int, HttpResponse | NoResponse] = {}
        for each, pending, until in sorted(left, key=lambda one: one[2]):
            process.wait_until(until)
            answers[pending.number] = arrive(world, each, pending, sent_at)
        process.point("answered")
        process.firing = False
        return tuple(heed(pending, answers[pending.number]) for _, pending, _ in left)


class ModelAsyncDriver(AsyncDriver):
    """The asynchronous driver over the portal object."""

    def __init__(self, world: World, pacer: Any, log: Any) -> None:
        self._world, self._pacer, self._log = world, pacer, log
        self._answered = LastAnswered()
        process = world.process
        self._clock = Clock(monotonic=process.monotonic, now=process.wall, asleep=asleep(world))

    async def close(self) -> None:
        pass

    async def _send(self, outgoing: HttpRequest, **_: object) -> HttpResponse | NoResponse:
        world = self._world
        sent_at = world.process.monotonic()
        pending, until = leave(world, outgoing)
        await asyncio.sleep(max(0.0, until - world.timeline.now))
        world.timeline.advance_to(max(world.timeline.now, until))
        world.process.point("answered")
        return heed(pending, arrive(world, outgoing, pending, sent_at))


def asleep(world: World) -> Callable[[float], Any]:
    """Return a sleep for coroutines."""

    async def sleep(seconds: float) -> None:
        world.process.point(f"sleep {seconds:.1f} s")
        await asyncio.sleep(seconds)
        world.process.point("awake")

    return sleep


class _VirtualSelector(selectors.SelectSelector):
    """Waits for nothing but the time."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise EndlessError("an event loop that waits for nothing")
        world = self._loop.world
        if timeout > 0 and world is not None:
            world.timeline.advance_to(world.timeline.now + timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is a history's."""

    world: World | None = None

    def __init__(self) -> None:
        super().__init__(_VirtualSelector(self))

    def time(self) -> float:
        return math.nan if self.world is None else self.world.process.monotonic()

    def run_in_executor(self, _: Any, func: Callable[..., Any], *args: Any) -> Any:
        """Call it at once: a thread would run in real time."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - as an executor does
            future.set_exception(error)
        return future
