"""Talking to the person at the terminal, and running one step after the other. Standard library only."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build"
"""Where everything is put that is made here."""

_HEARTBEAT = 5.0
"""Seconds between two signs of life from a long step."""


class StepFailed(RuntimeError):
    """A step failed; the message holds the end of what it printed."""


def say(line: str) -> None:
    """Print a line for a person; standard output belongs to results."""
    print(line, file=sys.stderr, flush=True)


class Heartbeat:
    """Says every few seconds that a step is still running; call it often."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun = self._said = clock()

    def __call__(self) -> None:
        """Say so if the last sign of life is some seconds ago."""
        now = self._clock()
        if now - self._said >= _HEARTBEAT:
            self._said = now
            say(f"  still at it ({now - self._begun:.0f} s)")


def run(command: Sequence[str], what: str, *, env: dict[str, str] | None = None) -> None:
    """Run a command whose output nobody needs to see unless it fails.

    :raises StepFailed: it failed.
    """
    say(f"{what} ...")
    alive = Heartbeat()
    BUILD.mkdir(exist_ok=True)
    log = BUILD / "last-step.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=env, cwd=ROOT)
        try:
            while (code := _wait(process)) is None:
                alive()
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if code:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-30:])
        raise StepFailed(f"{what}: failed with status {code}.\n{tail}")


def _wait(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(min(_HEARTBEAT, 0.5))
    except subprocess.TimeoutExpired:
        return None
