"""A clock that moves only when a test moves it."""

from __future__ import annotations


class VirtualClock:
    """Monotonic seconds. It is called like ``time.monotonic``; :meth:`sleep` lets time pass at once."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass at once."""
        self.now += seconds
