"""The simulator in a process of its own, and the truth that its control API tells about a run."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from benchmarks.ask import ask
from benchmarks.environments import REPOSITORY, Environments, surroundings

CODE = "bench"
STAGE_BEFORE, STAGE_AFTER = "NEW", "PREPARATION"
REQUEST_MS, COMMAND_MS = 20.0, 5.0
"""Working time of the portal in the rows that do not say otherwise."""
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


class Simulator:
    """One simulator; as a context manager it is started and stopped.

    Every run gets a fresh one: another port is another portal, so no contender remembers anything.
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
        self._command = [
            *(environments.python("ours"), "-m", "airflow_provider_bitrix24.simulator", "--port", "0", "--json"),
            *("--plan", plan, "--request-ms", str(request_ms), "--command-ms", str(command_ms), "--tls"),
        ]
        self._cpu = cpu
        self._count = 0

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="bitrix24-benchmark-")
        self.ca_file = str(Path(self._folder.name) / "ca.pem")
        self.pacing_directory = str(Path(self._folder.name) / "pacing")
        self._process = subprocess.Popen(
            [*self._command, "--ca-file", self.ca_file],
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
            env=surroundings(),
        )
        pin(self._process.pid, self._cpu)
        line = self._process.stdout.readline()
        if not line:
            self.__exit__()
            raise RuntimeError("the simulator did not start; its message is above")
        addresses = json.loads(line)
        self.webhook_url, self._control = addresses["webhook_url"], addresses["control_url"]
        self._tls = ssl.create_default_context(cafile=self.ca_file)
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.terminate()
        self._process.wait()
        self._process.stdout.close()
        self._folder.cleanup()

    # -- asking

    def get(self, path: str = "") -> dict:
        """Ask the control API."""
        return ask(self._control + path, tls=self._tls)

    def post(self, path: str, body: dict) -> dict:
        """Tell the control API."""
        return ask(self._control + path, body, tls=self._tls)

    def fill(self, count: int, *, robot_seconds: float = 0) -> int:
        """Empty the portal and put deals into it, with a trigger that moves them. Returns the first id."""
        seed = {
            "generate": [{"type": "DEAL", "count": count, "stage": STAGE_BEFORE, "first_id": 1}],
            "triggers": [{"stage": STAGE_AFTER, "code": CODE}],
        }
        if robot_seconds:
            seed["robots"] = [{"stage": STAGE_AFTER, "seconds": robot_seconds}]
        self.post("reset", seed)
        self._count = count
        return 1

    def truth(self) -> Truth:
        """What the portal saw since it was filled."""
        fires = [each["fires"] for each in self.get("fires").values()]
        seen = self.get("requests?last=10000")["requests"]
        begun = [each["moment"] for each in seen]
        ended = [each["moment"] + each["duration"] for each in seen]
        return Truth(
            once=sum(count == 1 for count in fires),
            doubled=sum(count > 1 for count in fires),
            lost=self._count - sum(count > 0 for count in fires),
            requests=self.get()["requests"],
            refused=self.get("limits")["refused"],
            first_at=min(begun, default=None),
            seconds=max(ended) - min(begun) if seen else None,
            faults=len(self.get("faults")["injected"]),
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


def pin(process: int, cpu: int | None) -> None:
    """Keep a process on one core, where the system can do that."""
    if cpu is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(process, {cpu})
