"""Time and chance: what everything that waits goes by.

Clients, hooks, operators, sensors and triggers take a :class:`Clock`, so that a test can pass one of its own.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


async def _asleep(seconds: float) -> None:
    import asyncio  # the blocking client does not need it

    await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Tells the time, lets it pass, and draws random numbers.

    :param now: seconds since the epoch.
    :param monotonic: seconds of a clock that never jumps.
    :param sleep: waits for some seconds.
    :param asleep: waits for some seconds in an event loop.
    :param random: a number from 0 up to 1.
    """

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    asleep: Callable[[float], Awaitable[None]] = _asleep
    random: Callable[[], float] = random.random

    def jitter(self, seconds: float) -> float:
        """Half of the seconds to all of them, so that what starts together does not continue together."""
        return seconds * (0.5 + 0.5 * self.random())


SYSTEM_CLOCK = Clock()
"""The clock of this machine."""
