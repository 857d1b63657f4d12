"""What the demo stands on: programs that are stopped with all that they started, and a board that is read truly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import environment
import portal_board
import processes
import pytest

from airflow_provider_bitrix24.simulator.testing import SimulatorServer

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
    """Start a program that starts another; returns it and who the other is."""
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
    assert child.is_alive()

    processes.stop(parent, patience=5)

    assert parent.returncode == -signal.SIGINT
    assert not child.is_alive()


def test_what_will_not_listen_is_ended_by_force(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "_LAST_PATIENCE", 0.2)
    deaf = "signal.signal(signal.SIGINT, signal.SIG_IGN); signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    parent, child = start_family(tmp_path, ignore=deaf, after=f"{deaf}; time.sleep(600)")

    processes.stop(parent, patience=0.2)

    assert parent.returncode in (-signal.SIGTERM, -signal.SIGKILL, -signal.SIGINT)
    assert not child.is_alive()


def test_what_a_dead_program_has_left_behind_is_stopped_too(tmp_path):
    parent, child = start_family(tmp_path, after="0")
    parent.wait(30)
    assert child.is_alive()

    processes.stop(parent, patience=0.2)

    assert not child.is_alive()


def test_a_number_that_belongs_to_another_process_by_now_is_left_alone():
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        processes.stop_tree(processes.Identity(stranger.pid, "another birth"), patience=0.1)

        assert stranger.poll() is None
        assert not processes.Identity(stranger.pid, "another birth").is_alive()
    finally:
        stranger.communicate(b"\n", timeout=30)


def test_an_ended_process_is_not_alive_while_it_is_a_zombie():
    process = subprocess.Popen([sys.executable, "-c", "0"])
    seen = processes.identify(process.pid)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    assert not seen.is_alive()
    process.wait()


def test_free_ports_are_different():
    assert len(set(processes.free_ports(20))) == 20


def test_the_board_shows_who_stands_where_and_who_has_moved():
    with SimulatorServer(seed="demo") as server:
        before = portal_board.read(server.webhook_url)
        fire = {"target": "DEAL_57", "code": "c5u4m"}
        portal_board._ask(server.webhook_url, "crm.automation.trigger", fire)
        after = portal_board.read(server.webhook_url)

    assert before.moves_since(before) == []
    [line] = after.moves_since(before)
    assert line.split("(")[0].split() == ["DEAL_57", "New", "->", "Prepare", "documents"]
    shown = "\n".join(after.lines(after.moved_from(before)))
    assert shown.count("<== from New") == 1
    assert all(deal.title in shown for deal in after.deals.values())
    assert [line.strip() for line in before.lines() if not line.startswith("    ")] == ["Sales", "Delivery"]


def test_an_older_python_is_told_so(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 4))

    with pytest.raises(environment.StepFailed, match=r"needs Python 3\.11 or newer"):
        environment.make()


def test_an_airflow_line_that_does_not_run_on_a_python_is_refused():
    with pytest.raises(environment.StepFailed, match=r"no constraints for Airflow 2\.11 on Python 3\.13"):
        environment.constraints_file("2.11", "3.13")


def test_a_python_newer_than_any_file_takes_the_newest_versions_and_says_so(capsys):
    assert environment.constraints_file("3.3", "3.99").name == "airflow-3.3-python3.14.txt"
    assert "untried" in capsys.readouterr().err


def test_a_step_that_fails_shows_the_end_of_what_it_said():
    with pytest.raises(environment.StepFailed, match=r"(?s)Trying: failed with status 3\..*alas"):
        environment.run([sys.executable, "-c", "print('alas'); raise SystemExit(3)"], "Trying")


def test_a_step_that_takes_long_says_that_it_is_alive(monkeypatch, capsys):
    monkeypatch.setattr(environment, "_HEARTBEAT", 0.05)

    environment.run([sys.executable, "-c", "import time; time.sleep(0.3)"], "Trying")

    assert "still at it" in capsys.readouterr().err
