"""The demo: a Bitrix24 portal (the simulator) and a real Airflow on this machine; a DAG moves deals.

    make demo            run a DAG once with `airflow dags test`, show what moved, stop everything
    make demo KEEP=1     run it through scheduler and triggerer, and leave Airflow's UI and the board running
    make demo-stop       stop what KEEP=1 has left

Nothing outside this checkout is touched, and only loopback addresses are called. It runs in the environment whose
Airflow it starts.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts import portal_board, processes
from scripts.local_airflow import AirflowFailed, LocalAirflow
from scripts.simulator_process import SimulatorFailed, SimulatorProcess
from scripts.terminal import BUILD, ROOT, Heartbeat, StepFailed, say

if TYPE_CHECKING:
    from collections.abc import Sequence

DAG_ID = "bitrix24_example_list"
CONN_ID = "bitrix24_default"
KEPT = BUILD / "demo"
"""What `KEEP=1` leaves: Airflow's home, logs and which processes run."""
_OF_RUNNING = ("kept.json", "python")
"""The files in it that are there only while something runs."""
_OPERATOR_LINE = re.compile(r"\]\s+(?P<text>.*?)\s+\[airflow\.task\.operators\.airflow_provider_bitrix24")


def run_once() -> int:
    """Run the DAG with `airflow dags test`, show the board before and after, stop everything."""
    begun = time.monotonic()
    with contextlib.ExitStack() as cleanup:
        home = Path(
            cleanup.enter_context(tempfile.TemporaryDirectory(prefix="bitrix24-demo-", ignore_cleanup_errors=True))
        )
        simulator = _start_simulator(home)
        cleanup.callback(simulator.stop)
        env = {f"AIRFLOW_CONN_{CONN_ID.upper()}": simulator.connection}
        airflow = LocalAirflow(home / "airflow", ROOT / "example_dags", env=env)
        before = _show_board(simulator.webhook_url, "The portal's board before:")
        _airflow_step(airflow, "Setting up Airflow's database (SQLite)", "db", "migrate")
        said = _airflow_step(airflow, f"airflow dags test {DAG_ID}", "dags", "test", DAG_ID)
        print("\nThe task's log:")
        for line in said:
            found = _OPERATOR_LINE.search(line)
            if found:
                print(f"  {found['text']}")
        status = _show_moves(simulator.webhook_url, before)
    say(f"Stopped everything. The demo took {time.monotonic() - begun:.0f} s.")
    return status


def run_and_keep() -> int:
    """Run the DAG through Airflow's scheduler, and leave Airflow and the portal running."""
    if _kept():
        print(_addresses(_kept()))
        return 0
    begun = time.monotonic()
    shutil.rmtree(KEPT, ignore_errors=True)
    KEPT.mkdir(parents=True)
    with contextlib.ExitStack() as cleanup:
        simulator = _start_simulator(KEPT)
        cleanup.callback(simulator.stop)
        before = _show_board(simulator.webhook_url, "The portal's board before:")
        say("Starting Airflow: scheduler, triggerer, DAG processor and API server ...")
        airflow = LocalAirflow(KEPT / "airflow", ROOT / "example_dags", alive=Heartbeat())
        cleanup.callback(airflow.stop)
        airflow.start()
        airflow.api(
            "POST",
            "/connections",
            {"connection_id": CONN_ID, "conn_type": "bitrix24", "password": simulator.webhook_url},
        )
        airflow.api("POST", "/pools", {"name": "bitrix24", "slots": 2})
        say(f"Airflow's scheduler runs {DAG_ID} ...")
        state = airflow.wait_for_run(DAG_ID, airflow.trigger(DAG_ID))
        print(f"\nThe run ended: {state}")
        if _show_moves(simulator.webhook_url, before):
            return 1
        kept = {
            "airflow": airflow.url,
            "board": simulator.board_url,
            "processes": [
                asdict(processes.identify(each.pid)) for each in (airflow.process, simulator.process) if each
            ],
        }
        (KEPT / "kept.json").write_text(json.dumps(kept))
        (KEPT / "python").write_text(sys.executable)  # what `make demo-stop` runs this with
        cleanup.pop_all()
    say(f"The demo took {time.monotonic() - begun:.0f} s.")
    print(_addresses(kept))
    return 0


def stop_kept() -> int:
    """Stop what `KEEP=1` has left running; its logs stay until the next demo."""
    kept = _kept()
    if kept:
        say(f"Stopping Airflow at {kept['airflow']} and the portal at {kept['board']} ...")
        for each in kept["processes"]:
            processes.stop_tree(processes.Identity(**each))
    for name in _OF_RUNNING:
        (KEPT / name).unlink(missing_ok=True)
    logs = f"Their logs stay in {KEPT.relative_to(ROOT)} until the next `make demo KEEP=1` or `make clean`."
    say(f"Stopped both. {logs}" if kept else "Nothing was running.")
    return 0


def _start_simulator(folder: Path) -> SimulatorProcess:
    say("Starting a Bitrix24 portal (the simulator) ...")
    simulator = SimulatorProcess(folder)
    simulator.start()
    return simulator


def _airflow_step(airflow: LocalAirflow, what: str, *arguments: str) -> list[str]:
    """Run a command of Airflow's; returns the lines that it printed.

    :raises StepFailed: it failed.
    """
    say(f"{what} ...")
    alive = Heartbeat()
    begin = airflow.log.stat().st_size if airflow.log.exists() else 0
    process = airflow.run(*arguments)
    try:
        while process.poll() is None:
            alive()
            time.sleep(0.1)
    finally:
        processes.stop(process)
    if process.returncode:
        raise StepFailed(f"{what}: failed with status {process.returncode}.\n{airflow.log_tail()}")
    with airflow.log.open(errors="replace") as log:
        log.seek(begin)
        return log.read().splitlines()


def _show_board(webhook_url: str, title: str, before: portal_board.Board | None = None) -> portal_board.Board:
    board = portal_board.read(webhook_url)
    print(f"\n{title}")
    print("\n".join(board.lines(board.moved_from(before) if before else None)), flush=True)
    print(flush=True)
    return board


def _show_moves(webhook_url: str, before: portal_board.Board) -> int:
    after = _show_board(webhook_url, "The portal's board after:", before)
    moves = after.moves_since(before)
    print(f"{len(moves)} deals moved:" if moves else "No deal moved: something is wrong.")
    print("\n".join(moves), flush=True)
    return 0 if moves else 1


def _kept() -> dict[str, Any]:
    """What was left running, if any of it still runs."""
    try:
        kept: dict[str, Any] = json.loads((KEPT / "kept.json").read_text())
    except (OSError, ValueError):
        return {}
    running = any(processes.Identity(**each).process() for each in kept["processes"])
    return kept if running else {}


def _addresses(kept: dict[str, Any]) -> str:
    return (
        "\nStill running:\n"
        f"  Airflow (no login)     {kept['airflow']}\n"
        f"  The portal's board     {kept['board']}\n"
        f"Run any DAG with the tag bitrix24 there and watch the board. Logs: {KEPT.relative_to(ROOT)}\n"
        "Stop both with: make demo-stop"
    )


def _end_on_signal(number: int, _frame: object) -> None:
    """Let `finally` and `with` stop what was started, and let nothing interrupt them."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    say("\nStopping ...")
    raise SystemExit(128 + number)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo."""
    parser = argparse.ArgumentParser(prog="demo.py", description="Airflow moves deals on a simulated portal.")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--keep", action="store_true", help="leave Airflow's UI and the board running")
    what.add_argument("--stop", action="store_true", help="stop what --keep has left")
    options = parser.parse_args(arguments)
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, _end_on_signal)
    try:
        if options.stop:
            return stop_kept()
        return run_and_keep() if options.keep else run_once()
    except (StepFailed, AirflowFailed, SimulatorFailed) as error:
        say(str(error))
        return 1
    except SystemExit:  # a signal, which may have come before the code that started a program was ready to stop it
        processes.stop_all()
        raise


if __name__ == "__main__":
    sys.exit(main())
