"""The simulator that is measured, and the truth about a run, from its control API."""

from __future__ import annotations

import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.environments import surroundings
from benchmarks.machine import pin
from scripts.simulator_process import SimulatorProcess

if TYPE_CHECKING:
    from benchmarks.environments import Environments

CODE = "bench"
STAGE_AFTER = "PREPARATION"
REQUEST_MS, COMMAND_MS = 20.0, 5.0
"""Working time of the portal in the scenarios that do not say otherwise."""
SETTLED_AFTER = 2.5
"""Seconds without a move after which nothing more is expected; the slowest robot takes 0.73."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What the portal itself knows about a run."""

    once: int
    doubled: int
    lost: int
    requests: int
    refused: int | None
    first_at: float | None = None
    """When the first request arrived, seconds of the portal's clock."""
    seconds: float | None = None
    """From the first request's arrival to the last answer."""
    faults: int = 0
    """Faults that hit a request."""


@dataclass(slots=True)
class Timeline:
    """Entities moved, as (seconds since the start, count), asked from the portal while a run goes on."""

    points: list[tuple[float, int]] = field(default_factory=list)


class Simulator(SimulatorProcess):
    """One simulator over TLS; as a context manager it is started and stopped.

    Every run gets a fresh one: another port is another portal, so no client remembers anything.
    """

    def __init__(
        self,
        environments: Environments,
        *,
        cpu: int | None,
        plan: str = "standard",
        request_ms: float = 0,
        command_ms: float = 0,
    ) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="bitrix24-benchmark-")
        folder = Path(self._temporary.name)
        self.pacing_directory = str(folder / "pacing")
        self._cpu = cpu
        self._count = 0
        options = ("--plan", plan, "--request-ms", str(request_ms), "--command-ms", str(command_ms), "--tls")
        super().__init__(folder, *options, python=environments.python("ours"), env=surroundings())

    def start(self) -> None:
        """Start it on a core of its own."""
        super().start()
        pin(self.process.pid, self._cpu)

    def stop(self) -> None:
        """End it, and forget the buckets that clients kept of it."""
        super().stop()
        self._temporary.cleanup()

    def fill(self, count: int, *, robot_seconds: float = 0) -> int:
        """Empty the portal and put deals into it, with a trigger that moves them. Returns the first id."""
        robots = {"robots": [{"stage": STAGE_AFTER, "seconds": robot_seconds}]} if robot_seconds else {}
        self.seed_deals(count, code=CODE, stages=(STAGE_AFTER,), **robots)
        self._count = count
        return 1

    def truth(self) -> Truth:
        """What the portal saw since it was filled."""
        fires = [each["fires"] for each in self.get("/fires").values()]
        seen = self.get("/requests?last=10000")["requests"]
        begun = [each["moment"] for each in seen]
        ended = [each["moment"] + each["duration"] for each in seen]
        return Truth(
            once=sum(count == 1 for count in fires),
            doubled=sum(count > 1 for count in fires),
            lost=self._count - sum(count > 0 for count in fires),
            requests=self.get()["requests"],
            refused=self.get("/limits")["refused"],
            first_at=min(begun, default=None),
            seconds=max(ended) - min(begun) if seen else None,
            faults=len(self.get("/faults")["injected"]),
        )

    def settle(self) -> None:
        """Wait until the portal has finished what clients that left have begun."""
        before = -1
        while before != (before := self.get()["moves"]):
            time.sleep(SETTLED_AFTER)

    def watch(self, timeline: Timeline, clock, stop: threading.Event, every: float = 0.2) -> threading.Thread:
        """Note how many entities have moved, until told to stop."""

        def look() -> None:
            while True:
                moment, moves = clock(), self.get()["moves"]
                timeline.points.append((moment, moves))
                if stop.wait(every):
                    timeline.points.append((clock(), self.get()["moves"]))
                    return

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        return thread
