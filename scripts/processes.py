"""Starting programs and stopping them again with all that they started, by their own numbers only.

Every program gets a session of its own, so Ctrl-C at the terminal does not reach it: whoever started it stops
it. Standard library only.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_POLL = 0.1
"""Seconds between two looks at a process."""
_LAST_PATIENCE = 5.0
"""Seconds that a process gets to follow a harder signal."""
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_started: list[subprocess.Popen[str]] = []
_PROC = Path("/proc")
"""Where Linux tells of processes; elsewhere `ps` does."""


@dataclass(frozen=True)
class Identity:
    """A process in a way that survives its starter: a number may be given to another, a birth may not."""

    pid: int
    born: str

    def is_alive(self) -> bool:
        """Whether this very process still runs (a zombie does not)."""
        seen = _look(self.pid)
        return seen is not None and seen.state != "Z" and seen.born == self.born


def start(command: Sequence[str], *, env: Mapping[str, str], log: Path, **options: Any) -> subprocess.Popen[str]:
    """Start a program in a session of its own, its output appended to `log` unless `options` say otherwise."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        # A background job of a script ignores Ctrl-C's signal, and would hand that on to its children.
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
    """Put signals off, which would leave a process behind that nobody knows yet."""
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
    """Take down who a running process is."""
    seen = _look(pid)
    return Identity(pid, seen.born if seen else "")


def stop(process: subprocess.Popen[str], *, patience: float = 30.0) -> None:
    """Stop a program started here, and all that it started; see :func:`stop_tree`."""
    process.poll()
    stop_tree(identify(process.pid), patience=patience, reap=process)
    process.wait()
    if process.stdout:
        process.stdout.close()


def stop_tree(root: Identity, *, patience: float = 30.0, reap: subprocess.Popen[str] | None = None) -> None:
    """Ask a program to end as Ctrl-C does; after `patience` seconds end it and what it started by force.

    :param root: a program that was started with :func:`start`. It may be gone and have left others behind.
    :param reap: the program, where it is a child of this process.
    """
    family = _family(root)
    if root.is_alive():
        os.kill(root.pid, signal.SIGINT)
        if _gone([root], patience, reap):
            patience = 1.0  # for those that it leaves behind
    for number in (None, signal.SIGTERM, signal.SIGKILL):
        for each in family:
            if number is not None and each.is_alive():
                os.kill(each.pid, number)
        if _gone(family, patience if number is None else _LAST_PATIENCE, reap):
            return


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


def _gone(family: Sequence[Identity], patience: float, reap: subprocess.Popen[str] | None) -> bool:
    deadline = time.monotonic() + patience
    while True:
        if reap is not None:
            reap.poll()
        if not any(each.is_alive() for each in family):
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL)


def _family(root: Identity) -> list[Identity]:
    """The program, what it started, and what these started, also in sessions of their own."""
    looks = {pid: seen for pid in _all_pids() if (seen := _look(pid)) is not None}
    if root.pid in looks and looks[root.pid].born != root.born:
        return []  # the number belongs to somebody else by now
    heads = [pid for pid, seen in looks.items() if root.pid in (pid, seen.session)]
    found: dict[int, Identity] = {}
    while heads:
        pid = heads.pop()
        if pid not in found:
            found[pid] = Identity(pid, looks[pid].born)
            heads += [child for child, seen in looks.items() if seen.parent == pid]
    return list(found.values())


@dataclass(frozen=True)
class _Look:
    """What the system says of a process."""

    state: str
    parent: int
    session: int
    born: str


def _look(pid: int) -> _Look | None:
    if not (_PROC / "self").exists():
        return _look_with_ps(pid)
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return _Look(state=fields[0], parent=int(fields[1]), session=int(fields[3]), born=fields[19])


def _look_with_ps(pid: int) -> _Look | None:
    fields = _ps("-o", "state=,ppid=,pgid=,lstart=", "-p", str(pid)).split(maxsplit=3)
    if not fields:
        return None
    # macOS shows no number of the session; its first process leads a group of the same number.
    return _Look(state=fields[0], parent=int(fields[1]), session=int(fields[2]), born=fields[3])


def _all_pids() -> list[int]:
    if (_PROC / "self").exists():
        return [int(each.name) for each in _PROC.iterdir() if each.name.isdigit()]
    return [int(line) for line in _ps("-A", "-o", "pid=").split()]


def _ps(*arguments: str) -> str:
    asked = subprocess.run(["ps", *arguments], capture_output=True, text=True, check=False)
    return asked.stdout.strip()
