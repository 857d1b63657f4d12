"""Starting programs, and stopping them with everything that they started.

Every program gets a session of its own, so Ctrl-C at the terminal does not reach it: whoever started it stops it.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

T = TypeVar("T")

_POLL = 0.1
"""Seconds between two checks."""
_LAST_PATIENCE = 5.0
"""Seconds that a process gets to follow a harder signal."""
_UNTIL_KILLED = 30.0
"""Seconds in which a busy machine has ended a process that was killed."""
_SAME_BIRTH = 1.0
"""Seconds by which two readings of one process's start may differ."""
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_started: list[subprocess.Popen[str]] = []


@dataclass(frozen=True)
class Identity:
    """A process, as it can be written down: its number may be given to another one, its start cannot.

    :param born: seconds from the machine's start to the process's, which do not change when the clock is set.
    """

    pid: int
    born: float

    def process(self) -> psutil.Process | None:
        """Return the process while it runs (a zombie does not)."""
        with suppress(psutil.NoSuchProcess):
            found = psutil.Process(self.pid)
            if abs(_born(found) - self.born) < _SAME_BIRTH and is_running(found):
                return found
        return None


def start(command: Sequence[str], *, env: Mapping[str, str], log: Path, **options: Any) -> subprocess.Popen[str]:
    """Start a program in a session of its own, its output appended to `log` unless `options` say otherwise."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        # A background job of a script ignores Ctrl-C's signal, and would pass that on to its children.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with log.open("ab") as output, _undisturbed():
        process = subprocess.Popen(
            command,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=options.pop("stdout", output),
            stderr=output,
            text=True,
            start_new_session=True,
            **options,
        )
        _started.append(process)
    return process


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Put signals off: between a program's start and its entry in the list, they would leave it behind."""
    put_off: list[int] = []
    usual = {each: signal.getsignal(each) for each in _ENDING}
    for each in _ENDING:
        signal.signal(each, lambda number, _: put_off.append(number))
    try:
        yield
    finally:
        for each, handler in usual.items():
            signal.signal(each, handler)
        for number in put_off[:1]:
            os.kill(os.getpid(), number)


def stop_all() -> None:
    """Stop all programs that were started here and still run."""
    for process in _started:
        if process.poll() is None:
            stop(process)


def identify(pid: int) -> Identity:
    """Write down which process has this number now.

    :raises psutil.NoSuchProcess: none has.
    """
    return Identity(pid, _born(psutil.Process(pid)))


def stop(process: subprocess.Popen[str], *, patience: float = 30.0) -> None:
    """Stop a program started here, and everything that it started; see :func:`stop_tree`."""
    process.poll()
    try:
        root = identify(process.pid)
    except psutil.NoSuchProcess:  # it ended and was waited for; others of its session may still run
        root = Identity(process.pid, 0.0)
    stop_tree(root, patience=patience)
    process.wait()


def stop_tree(root: Identity, *, patience: float = 30.0) -> None:
    """Ask a program to end as Ctrl-C does; after `patience` seconds end it and what it started by force.

    :param root: a program that was started with :func:`start`. It may be gone and have left others behind.
    """
    members = family(root)
    if (head := root.process()) is not None:
        _send(head, signal.SIGINT)
        if _ended([head], patience):
            patience = 1.0  # for those that it leaves behind
    for number, seconds in ((None, patience), (signal.SIGTERM, _LAST_PATIENCE), (signal.SIGKILL, _UNTIL_KILLED)):
        for each in members:
            if number is not None:
                _send(each, number)
        if _ended(members, seconds):
            return


def family(root: Identity) -> list[psutil.Process]:
    """Return a program's process, what it started, and what these started, also in sessions of their own."""
    with suppress(psutil.NoSuchProcess):
        if abs(_born(psutil.Process(root.pid)) - root.born) >= _SAME_BIRTH:
            return []  # the number belongs to another process by now
    found: dict[int, psutil.Process] = {}
    for each in psutil.process_iter():
        if root.pid in (each.pid, _session(each.pid)):
            found[each.pid] = each
            with suppress(psutil.NoSuchProcess):
                found |= {child.pid: child for child in each.children(recursive=True)}
    return [each for each in found.values() if is_running(each)]


def is_running(process: psutil.Process) -> bool:
    """Whether a process still does something: one that has ended and was not yet waited for does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for(condition: Callable[[], T], *, seconds: float, why: str, alive: Callable[[], object] | None = None) -> T:
    """Check again and again until the answer is true, and return it; other processes are waited for in real time.

    :param why: what has not happened; the beginning of the error's message.
    :param alive: called between two checks.
    :raises TimeoutError: time is up.
    """
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{why} within {seconds:.0f} s")
        if alive is not None:
            alive()
        time.sleep(_POLL)
    return answer


def free_ports(count: int) -> list[int]:
    """Find ports of the loopback address that are free just now, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _born(process: psutil.Process) -> float:
    return float(process.create_time() - psutil.boot_time())


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return -1


def _send(process: psutil.Process, number: int) -> None:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def _ended(members: Sequence[psutil.Process], patience: float) -> bool:
    deadline = time.monotonic() + patience
    while any(is_running(each) for each in members):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL)
    return True
