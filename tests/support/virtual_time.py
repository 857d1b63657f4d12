"""Time that passes only when something sleeps: one clock for the package and for the portal that it calls."""

from __future__ import annotations

import asyncio
import random
from importlib import import_module
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.clock import Clock
from airflow_provider_bitrix24.simulator.clock import Clock as PortalClock

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

START = 1000.0


class VirtualTime:
    """A clock of the package, and the portal's clock that it moves.

    The package counts from :data:`START`, the portal from a date, as two hosts do whose clocks differ. A request that
    takes the portal some time moves both.

    :ivar slept: the seconds of each sleep.
    :ivar on_sleep: called with the seconds of each sleep, after they have passed.
    :ivar random: gives random numbers, the same ones in each test.
    """

    def __init__(self) -> None:
        self.portal_clock = PortalClock(virtual=True)
        self._offset = START - self.portal_clock.now()
        self.slept: list[float] = []
        self.on_sleep: Callable[[float], object] = lambda _: None
        self.random: Callable[[], float] = random.Random(24).random  # noqa: S311 - not a secret
        self.clock = Clock(
            now=self.time, monotonic=self.monotonic, sleep=self.sleep, asleep=self.asleep, random=self.draw
        )

    @property
    def now(self) -> float:
        """The seconds of the package's clock. A test may set it; the portal's clock does not follow."""
        return self.portal_clock.now() + self._offset

    @now.setter
    def now(self, seconds: float) -> None:
        self._offset = seconds - self.portal_clock.now()

    def draw(self) -> float:
        """Return the next random number. Looked up each time, so that a test may replace :attr:`random`."""
        return self.random()

    def monotonic(self) -> float:
        """Return the seconds of the clock."""
        return self.now

    def time(self) -> float:
        """Return seconds since the epoch."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.slept.append(seconds)
        self.portal_clock.advance(seconds)
        self.on_sleep(seconds)

    async def asleep(self, seconds: float) -> None:
        """Let the time pass at once, in an event loop."""
        self.sleep(seconds)
        await asyncio.sleep(0)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let everything that waits for a portal go by this clock.

        By the test's own monkeypatch, so that what a test puts in its place is undone first.
        """
        from airflow_provider_bitrix24.compat import BaseSensorOperator
        from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook
        from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator
        from airflow_provider_bitrix24.sensors.stage import StageSensor
        from airflow_provider_bitrix24.triggers.stage import StageChangeEventTrigger, StageTrigger

        for waits in (Bitrix24Hook, TriggerAutomationOperator, StageSensor, StageTrigger, StageChangeEventTrigger):
            monkeypatch.setattr(waits, "_clock", self.clock)
        # The loop of a sensor that pokes is Airflow's own, and takes no clock.
        monkeypatch.setattr(import_module(BaseSensorOperator.__module__), "time", self)
