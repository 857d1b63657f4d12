"""`make demo-stop`: it says what it stops, and leaves the logs that the demo pointed to."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict

import pytest

from scripts import demo, processes


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A folder as `make demo KEEP=1` leaves it, and the process that is said to run."""
    folder = tmp_path / ".build" / "demo"
    (folder / "airflow").mkdir(parents=True)
    (folder / "airflow" / "airflow.log").write_text("a line")
    (folder / "python").write_text(sys.executable)
    monkeypatch.setattr(demo, "KEPT", folder)
    monkeypatch.setattr(demo, "ROOT", tmp_path)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as running:
        described = {
            "airflow": "http://127.0.0.1:1",
            "board": "http://127.0.0.1:2/_simulator/board",
            "processes": [asdict(processes.identify(running.pid))],
        }
        (folder / "kept.json").write_text(json.dumps(described))
        yield folder, running
        running.kill()


def test_it_says_what_it_stops_and_keeps_the_logs(kept, capsys):
    folder, running = kept

    assert demo.stop_kept() == 0

    said = capsys.readouterr().err
    assert "Stopping Airflow at http://127.0.0.1:1 and the portal at http://127.0.0.1:2/_simulator/board ..." in said
    assert "Their logs stay in .build/demo" in said
    assert running.wait(timeout=30) != 0
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["airflow.log"]


def test_nothing_to_stop_is_said(kept, capsys):
    folder, running = kept
    running.kill()
    running.wait()

    demo.stop_kept()

    assert "Nothing was running." in capsys.readouterr().err
    assert (folder / "airflow" / "airflow.log").exists()
