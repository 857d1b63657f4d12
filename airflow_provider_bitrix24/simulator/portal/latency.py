"""The portal's working time: of a request, and of each command in it."""

from __future__ import annotations

from dataclasses import dataclass


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

        :raises ValueError: for a negative time.
        """
        if (request_ms or 0) < 0 or (command_ms or 0) < 0:
            raise ValueError("a latency cannot be negative")
        if request_ms is not None:
            self.request_seconds = request_ms / 1000
        if command_ms is not None:
            self.command_seconds = command_ms / 1000
