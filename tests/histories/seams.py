"""The one place where the package is given the model's world instead of the real one."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar
from unittest import mock

from tests.histories.driver import ModelAsyncDriver, ModelDriver, VirtualLoop, asleep

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator
    from datetime import datetime

    from tests.histories.world import World

PORTAL = "https://portal.example"
CONNECTION, SECOND = "bitrix24_default", "bitrix24_reader"


T = TypeVar("T")


class Stage:
    """Where the history plays that is live just now."""

    def __init__(self) -> None:
        self.world: World | None = None
        self.loop: VirtualLoop | None = None

    @property
    def now(self) -> World:
        """The live world."""
        if self.world is None:
            raise LookupError("No history is live.")
        return self.world

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the live world's time."""
        if self.loop is None:
            self.loop = VirtualLoop()
        self.loop.world = self.now
        try:
            return self.loop.run_until_complete(coroutine)
        finally:
            # What ended the loop from outside has left its tasks behind.
            for each in asyncio.all_tasks(self.loop):
                each.cancel()
                with suppress(asyncio.CancelledError):
                    self.loop.run_until_complete(each)


STAGE = Stage()


class _TaskLog:
    """The log of whatever runs in a task."""

    def _write(self, level: str, message: object, *args: object) -> None:
        STAGE.now.log(level, str(message), args)

    def debug(self, message: object, *args: object, **_: object) -> None:
        pass

    def info(self, message: object, *args: object, **_: object) -> None:
        self._write("info", message, *args)

    def warning(self, message: object, *args: object, **_: object) -> None:
        self._write("warning", message, *args)

    def error(self, message: object, *args: object, **_: object) -> None:
        self._write("error", message, *args)

    exception = error

    def log(self, level: int, message: object, *args: object, **_: object) -> None:
        self._write(logging.getLevelName(level).lower(), message, *args)


LOG = _TaskLog()


class _Time:
    """What modules know as ``time``."""

    @staticmethod
    def monotonic() -> float:
        return STAGE.now.process.monotonic()

    @staticmethod
    def time() -> float:
        return STAGE.now.process.wall()

    @staticmethod
    def sleep(seconds: float) -> None:
        STAGE.now.process.sleep(seconds)


class _Timezone:
    """What Airflow's temporal triggers know as ``timezone``."""

    @staticmethod
    def utcnow() -> datetime:
        import pendulum

        return pendulum.from_timestamp(STAGE.now.process.wall())

    @staticmethod
    def convert_to_utc(moment: datetime) -> datetime:
        return moment


def _connections() -> dict[tuple[str, int], Any]:
    from airflow.sdk import Connection

    def made(conn_id: str, user: str, concurrency: int) -> Any:
        extra = json.dumps({"max_concurrency": concurrency})
        return Connection(
            conn_id=conn_id, conn_type="bitrix24", host=PORTAL, login=user, password="notsosecret", extra=extra
        )

    return {
        (conn_id, concurrency): made(conn_id, user, concurrency)
        for conn_id, user in ((CONNECTION, "1"), (SECOND, "2"))
        for concurrency in range(1, 9)
    }


@contextmanager
def installed() -> Iterator[None]:
    """Put the seams in, for any number of histories one after the other."""
    from airflow.providers.standard.triggers import temporal

    from airflow_provider_bitrix24.client.clock import Clock
    from airflow_provider_bitrix24.client.stores import choice
    from airflow_provider_bitrix24.client.transports import aio, sync
    from airflow_provider_bitrix24.compat import BaseHook, BaseOperator, BaseSensorOperator, BaseTrigger
    from airflow_provider_bitrix24.hooks import bitrix24
    from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator
    from airflow_provider_bitrix24.sensors.stage import StageSensor
    from airflow_provider_bitrix24.triggers.stage import StageTrigger

    connections = _connections()

    def connection(conn_id: str) -> Any:
        return connections[conn_id, STAGE.now.history.task.concurrency]

    async def aconnection(conn_id: str) -> Any:
        return connection(conn_id)

    async def nothing(_: object) -> None:
        pass

    async def wait(seconds: float) -> None:
        await asleep(STAGE.now)(seconds)

    clock = Clock(now=_Time.time, monotonic=_Time.monotonic, sleep=_Time.sleep, asleep=wait)
    with ExitStack() as stack:
        put = lambda where, name, value: stack.enter_context(mock.patch.object(where, name, value))  # noqa: E731
        put(bitrix24.Bitrix24Hook, "get_connection", staticmethod(connection))
        put(bitrix24, "aget_connection", aconnection)
        put(bitrix24, "mask_secrets", lambda _: None)
        put(bitrix24, "amask_secrets", nothing)
        put(choice, "file_store", lambda *_: STAGE.now.pacing_store())
        put(sync, "SyncDriver", lambda *_, pacer, **__: ModelDriver(STAGE.now, pacer, LOG))
        put(aio, "AsyncDriver", lambda *_, pacer, **__: ModelAsyncDriver(STAGE.now, pacer, LOG))
        for waits in (bitrix24.Bitrix24Hook, TriggerAutomationOperator, StageSensor, StageTrigger):
            put(waits, "_clock", clock)
        put(import_module(BaseSensorOperator.__module__), "time", _Time)
        put(temporal, "timezone", _Timezone)
        put(import_module(BaseSensorOperator.__module__), "timezone", _Timezone)
        for kind in (BaseOperator, BaseHook, BaseTrigger):
            owner = next(each for each in kind.__mro__ if "log" in vars(each))
            put(owner, "log", property(lambda _: LOG))
        try:
            yield
        finally:
            if STAGE.loop is not None:
                STAGE.loop.close()
            STAGE.world = STAGE.loop = None
