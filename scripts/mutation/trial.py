"""One mutant against tests in a process of its own, which ends at the first that fails."""

from __future__ import annotations

import os
import resource
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from scripts.mutation.mutants import Mutant

SURVIVED, KILLED = 0, 1
_MEMORY = 4 << 30
"""Bytes that a mutant may take, so that one that never stops collecting ends itself and not the machine."""


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant: ``survived``, ``killed``, ``timed out``, or ``untested``: no test runs its lines."""

    mutant: Mutant
    end: str


@dataclass(frozen=True)
class Allowance:
    """Seconds that the tests of a mutant may take, by the processor and by the clock."""

    cpu: float
    clock: float

    @classmethod
    def for_tests(cls, seconds: float) -> Allowance:
        """Several times what they took unchanged. A loaded machine is slower by the clock, so that it gets more."""
        return cls(5 + 5 * seconds, 60 + 10 * seconds)


class Trials:
    """Runs trials beside each other, each in a fork of this process."""

    def __init__(self, processes: int, done: Callable[[Verdict], None]) -> None:
        self._free = processes
        self._done = done
        self._running: dict[int, Mutant] = {}

    def start(self, mutant: Mutant, trial: Callable[[], int], allowance: Allowance) -> None:
        """Begin one as soon as there is a free process.

        :param trial: puts the mutant in place and tests it; returns ``SURVIVED`` or ``KILLED``.
        """
        if len(self._running) >= self._free:
            self._await_one()
        pid = os.fork()
        if pid == 0:
            _run_to_the_end(trial, allowance)
        self._running[pid] = mutant

    def finish(self) -> None:
        """Wait for those that are running."""
        while self._running:
            self._await_one()

    def _await_one(self) -> None:
        pid, status = os.wait()
        mutant = self._running.pop(pid)
        code = os.waitstatus_to_exitcode(status)
        if code in (-signal.SIGALRM, -signal.SIGXCPU, -signal.SIGKILL):
            self._done(Verdict(mutant, "timed out"))
        else:
            self._done(Verdict(mutant, "survived" if code == SURVIVED else "killed"))


def _run_to_the_end(trial: Callable[[], int], allowance: Allowance) -> None:
    code = KILLED
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, allowance.clock)
        cpu = int(allowance.cpu) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 5))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        code = trial()
    finally:  # whatever it raises, the fork must not go on with what its parent does
        os._exit(code)


def untested(mutants: Iterable[Mutant], done: Callable[[Verdict], None]) -> None:
    """Report mutants that no test runs."""
    for mutant in mutants:
        done(Verdict(mutant, "untested"))
