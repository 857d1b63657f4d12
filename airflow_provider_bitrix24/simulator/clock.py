"""The portal's clock: real, or virtual for tests that span a day without sleeping.

Everything in the simulator that needs the time, or lets time pass, uses this clock.
"""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import datetime, timedelta, timezone

END = 32_503_680_000.0
"""The last moment of every clock: 3000-01-01T00:00:00Z."""
_LAST_DATE = 253_402_300_799.0
"""9999-12-31T23:59:59Z, the last moment that can be written."""
VIRTUAL_START = 1_767_225_600.0
"""Where a virtual clock starts by default: 2026-01-01T00:00:00Z."""


class Clock:
    """Time of a portal, in seconds since the epoch.

    :param virtual: ``False``: the clock runs, and :meth:`advance` makes it jump ahead; ``True``: the clock stops
        until it is advanced.
    :param start: first reading of the clock.
    :param auto_advance: what a request that takes time does to a virtual clock: ``True`` advances the clock to
        the moment at which the request ends, so nothing waits; ``False`` makes the request wait for
        :meth:`advance` (by another thread, or by the control API).
    :param utc_offset: the portal's time zone, in hours; only dates in responses show it.
    """

    def __init__(
        self,
        *,
        virtual: bool = False,
        start: float | None = None,
        auto_advance: bool = True,
        utc_offset: float = 3.0,
    ) -> None:
        self.virtual = virtual
        self.auto_advance = auto_advance
        self.utc_offset = utc_offset
        self._zone = timezone(timedelta(hours=utc_offset))
        self._lock = threading.Lock()
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._iso_second = -1
        self._iso_text = ""
        if virtual:
            self._offset = VIRTUAL_START if start is None else start
        else:
            self._offset = time.time() - time.monotonic() if start is None else start - time.monotonic()

    def now(self) -> float:
        """The present moment, in seconds since the epoch; never goes back."""
        return self._offset if self.virtual else self._offset + time.monotonic()

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass at once, and wake every request that waits for a moment up to then.

        :raises ValueError: for a negative number, and for one that leads beyond the year 2999.
        """
        if seconds < 0:
            raise ValueError(f"the clock cannot go back: {seconds} s")
        with self._lock:
            if self.now() + seconds >= END:
                raise ValueError("the clock cannot go beyond the year 2999")
            self._offset += seconds
        self._wake_all()

    async def sleep_until(self, moment: float) -> None:
        """Wait until the clock has reached `moment`, or its end."""
        moment = min(moment, END)
        if self.virtual and self.auto_advance:
            await asyncio.sleep(0)  # requests that end earlier go first
            with self._lock:
                self._offset = max(self._offset, moment)
            return
        loop = asyncio.get_running_loop()
        event = asyncio.Event()
        waiter = (loop, event)
        self._waiting.add(waiter)
        try:
            while (rest := moment - self.now()) > 0:
                timer = None if self.virtual else loop.call_later(rest, event.set)
                await event.wait()
                event.clear()
                if timer is not None:
                    timer.cancel()
        finally:
            self._waiting.discard(waiter)

    @property
    def waiting(self) -> int:
        """How many requests wait for time to pass."""
        return len(self._waiting)

    def iso(self, moment: float) -> str:
        """`moment` as the portal writes dates: ISO 8601 to the second, with its own offset."""
        second = int(min(moment, _LAST_DATE - max(0.0, self.utc_offset) * 3600))
        if second != self._iso_second:
            self._iso_text = datetime.fromtimestamp(second, self._zone).isoformat()
            self._iso_second = second
        return self._iso_text

    def parse(self, text: str) -> float:
        """The moment that a date in ISO 8601 means; without an offset it is in the portal's zone.

        :raises ValueError: when `text` is not a date.
        """
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=self._zone)).timestamp()

    def _wake_all(self) -> None:
        for loop, event in tuple(self._waiting):
            loop.call_soon_threadsafe(event.set)
