"""The demo as a person meets it: run, interrupted, kept and stopped. It is given the environment that make has made."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import psutil
import pytest

from scripts.local_airflow import IS_3, command_line
from scripts.processes import wait_for

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not IS_3, reason="make demo takes the newest Airflow"),
]

ROOT = Path(__file__).parents[2]
DEMO = [sys.executable, "-m", "scripts.demo"]


@pytest.fixture
def marked(monkeypatch, tmp_path):
    """The environment of a demo, and a function that finds the processes that have inherited it."""
    monkeypatch.chdir(ROOT)
    env = {**os.environ, "DEMO_OF_A_TEST": str(tmp_path), "TMPDIR": str(tmp_path)}

    def left() -> list[str]:
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("DEMO_OF_A_TEST") == str(tmp_path):
                    found.append(command_line(process))
        return found

    return env, left


def test_it_shows_what_moved_and_leaves_nothing_behind(marked, tmp_path):
    env, left = marked

    ran = subprocess.run(DEMO, env=env, capture_output=True, text=True, check=True)

    assert "moved NEW -> PREPARATION: DEAL_58" in ran.stdout
    assert re.search(r"3 deals moved:\n  DEAL_58  New -> Prepare documents", ran.stdout)
    assert ran.stdout.count("<== from New") == 3
    assert left() == []
    assert list(tmp_path.glob("bitrix24-demo-*")) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_stops_what_it_started(number, marked, tmp_path):
    env, left = marked
    with subprocess.Popen(DEMO, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as demo:
        for line in demo.stdout:
            if line.startswith("airflow dags test"):
                break
        wait_for(lambda: any("dags test" in each for each in left()), seconds=30, why="Airflow did not start")
        demo.send_signal(number)
        said = demo.stdout.read()

    assert demo.returncode == 128 + number
    assert "Stopping" in said
    assert "Traceback" not in said
    assert left() == []
    assert list(tmp_path.glob("bitrix24-demo-*")) == []


@pytest.fixture
def usual_ports_are_taken():
    """Listen where Airflow and the simulator listen by default, unless somebody else does."""
    with contextlib.ExitStack() as taken:
        for port in (8024, 8080, 8793, 8794):
            listener = taken.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                listener.bind(("0.0.0.0", port))  # noqa: S104 - as Airflow's log servers do
                listener.listen()
        yield


@pytest.mark.usefixtures("usual_ports_are_taken")
def test_kept_it_serves_both_pages_until_it_is_stopped(marked):
    env, left = marked
    subprocess.run([*DEMO, "--stop"], env=env, capture_output=True, check=True)
    try:
        ran = subprocess.run([*DEMO, "--keep"], env=env, capture_output=True, text=True, check=True)
        assert "The run ended: success" in ran.stdout
        addresses = re.findall(r"http://127\.0\.0\.1:\d+\S*", ran.stdout)
        assert len(addresses) == 2
        for address in addresses:
            with urllib.request.urlopen(address, timeout=30) as page:
                assert page.status == 200
        again = subprocess.run([*DEMO, "--keep"], env=env, capture_output=True, text=True, check=True)
        assert all(address in again.stdout for address in addresses)
    finally:
        stopped = subprocess.run([*DEMO, "--stop"], env=env, capture_output=True, text=True, check=True)

    assert all(address in stopped.stderr for address in addresses), "it says what it stops"
    assert "Their logs stay in .build/demo" in stopped.stderr
    assert list((ROOT / ".build" / "demo").rglob("*.log"))
    assert left() == []
