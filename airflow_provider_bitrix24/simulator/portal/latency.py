"""The portal's working time: of a request, and of each command in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MAX_SECONDS: Final = 24 * 3600.0
"""No single step of work, and no fault, lasts longer than a day."""


@dataclass(slots=True)
class Latency:
    """Working time of a healthy portal, in seconds; zero by default.

    A request takes `request_seconds`, `command_seconds` for each command that it executes (a single call is one
    command), and the time of robots. Only commands and robots count as operating time.
    """

    request_seconds: float = 0.0
    command_seconds: float = 0.0

    def set(self, *, request_ms: float | None = None, command_ms: float | None = None) -> None:
        """Change one or both, in milliseconds.

        :raises ValueError: for a negative time, and for one of more than a day.
        """
        for milliseconds in (request_ms or 0, command_ms or 0):
            check_seconds(milliseconds / 1000, "a latency")
        if request_ms is not None:
            self.request_seconds = request_ms / 1000
        if command_ms is not None:
            self.command_seconds = command_ms / 1000


def check_seconds(seconds: float, what: str) -> None:
    """Make sure that something takes neither less than no time nor more than a day.

    :raises ValueError: names `what`.
    """
    if not 0 <= seconds <= MAX_SECONDS:
        raise ValueError(f"{what} takes from 0 to {MAX_SECONDS:.0f} seconds, not {seconds}")
