"""One mutant against tests in a process of its own, which ends at the first that fails."""

from __future__ import annotations

import os
import resource
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from scripts.mutation.mutants import Mutant

SURVIVED, KILLED = 0, 1
_MEMORY = 4 << 30
"""Bytes that a mutant may take, so that one that never stops collecting ends itself and not the machine."""


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant: ``survived``, ``killed``, ``timed out``, or ``untested``: no test runs its lines."""

    mutant: Mutant | None
    end: str


@dataclass(frozen=True)
class Cost:
    """Seconds that a test takes with the unchanged code, by the processor and by the clock."""

    cpu: float
    clock: float

    def limit(self) -> None:
        """End this process if what follows takes many times as long, as it does where a change makes a loop endless."""
        signal.setitimer(signal.ITIMER_PROF, 2 + 10 * self.cpu)
        signal.setitimer(signal.ITIMER_REAL, 60 + 10 * self.clock)


_COLLECTING = Cost(10, 60)
"""Of importing and collecting everything anew."""


class Trials:
    """Runs trials beside each other, each in a fork of this process."""

    def __init__(self, processes: int, done: Callable[[Verdict], None]) -> None:
        self._free = processes
        self._done = done
        self._running: dict[int, Mutant | None] = {}

    def start(self, mutant: Mutant | None, trial: Callable[[], int]) -> None:
        """Begin one as soon as there is a free process.

        :param trial: puts the mutant in place and tests it; returns ``SURVIVED`` or ``KILLED``.
        """
        if len(self._running) >= self._free:
            self._await_one()
        pid = os.fork()
        if pid == 0:
            _run_to_the_end(trial)
        self._running[pid] = mutant

    def finish(self) -> None:
        """Wait for those that are running."""
        while self._running:
            self._await_one()

    def _await_one(self) -> None:
        pid, status = os.wait()
        mutant = self._running.pop(pid)
        code = os.waitstatus_to_exitcode(status)
        if code in (-signal.SIGALRM, -signal.SIGPROF):
            self._done(Verdict(mutant, "timed out"))
        else:
            self._done(Verdict(mutant, "survived" if code == SURVIVED else "killed"))


def _run_to_the_end(trial: Callable[[], int]) -> None:
    code = KILLED
    try:
        for each in (signal.SIGALRM, signal.SIGPROF):
            signal.signal(each, signal.SIG_DFL)
        _COLLECTING.limit()
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        code = trial()
    finally:  # whatever it raises, the fork must not go on with what its parent does
        os._exit(code)
