"""Programs are stopped with everything that they started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from scripts import processes

if TYPE_CHECKING:
    from pathlib import Path

FAMILY = """
import os, signal, subprocess, sys, time
child = "import signal, time; {ignore}; time.sleep(600)"
if {detached}:
    started = subprocess.Popen([sys.executable, "-c", child], start_new_session=True)
else:
    started = subprocess.Popen([sys.executable, "-c", child])
print(started.pid, flush=True)
{after}
"""


def start_family(folder: Path, *, ignore: str = "0", detached: bool = False, after: str = "time.sleep(600)"):
    """Start a program that starts another; returns it and the other's identity."""
    told = folder / "child"
    with told.open("w") as output:
        program = FAMILY.format(ignore=ignore, detached=detached, after=after)
        parent = processes.start(
            [sys.executable, "-c", program], env=os.environ, log=folder / "log", stdout=output, cwd=folder
        )
    deadline = time.monotonic() + 30
    while not told.read_text().endswith("\n"):
        assert time.monotonic() < deadline, (folder / "log").read_text()
        time.sleep(0.01)
    return parent, processes.identify(int(told.read_text()))


@pytest.mark.parametrize("detached", [False, True])
def test_a_program_is_stopped_with_what_it_started(tmp_path, detached):
    parent, child = start_family(tmp_path, detached=detached)
    assert child.process()

    processes.stop(parent, patience=60)

    assert parent.returncode == -signal.SIGINT
    assert child.process() is None


def test_what_will_not_listen_is_ended_by_force(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "_LAST_PATIENCE", 0.2)
    deaf = "signal.signal(signal.SIGINT, signal.SIG_IGN); signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    parent, child = start_family(tmp_path, ignore=deaf, after=f"{deaf}; time.sleep(600)")

    processes.stop(parent, patience=0.2)

    assert parent.returncode in (-signal.SIGTERM, -signal.SIGKILL, -signal.SIGINT)
    assert child.process() is None


def test_what_a_dead_program_has_left_behind_is_stopped_too(tmp_path):
    parent, child = start_family(tmp_path, after="0")
    parent.wait(30)
    assert child.process()

    processes.stop(parent, patience=0.2)

    assert child.process() is None


def test_a_number_that_belongs_to_another_process_by_now_is_left_alone():
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        earlier = processes.Identity(stranger.pid, processes.identify(stranger.pid).born - 60)
        processes.stop_tree(earlier, patience=0.1)

        assert stranger.poll() is None
        assert earlier.process() is None
    finally:
        stranger.communicate(b"\n", timeout=30)


def test_an_ended_process_is_not_alive_while_it_is_a_zombie():
    process = subprocess.Popen([sys.executable, "-c", "0"])
    seen = processes.identify(process.pid)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    assert seen.process() is None
    process.wait()


def test_free_ports_are_different():
    assert len(set(processes.free_ports(20))) == 20
