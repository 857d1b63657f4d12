"""One client in a process of its own: takes jobs as lines of JSON, answers each with what it cost.

Runs in the client's own environment, so it needs nothing but Python. What the client says about its
work is passed on as it is; the truth is asked from the portal by who started this.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from importlib import import_module


class FirstConnection:
    """When this process first opens a connection: seen by an audit hook, so no client is touched."""

    def __init__(self) -> None:
        self.at: float | None = None
        sys.addaudithook(self._saw)

    def _saw(self, event: str, _args: tuple) -> None:
        if event == "socket.connect" and self.at is None:
            self.at = time.perf_counter()


def peak_mb() -> float:
    """Peak memory of the whole process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


def fire(client, job: dict, first: FirstConnection | None) -> dict:
    """Fire for a list of deals; an exception is what a caller would see, so it is part of the answer."""
    targets = [f"DEAL_{number}" for number in range(job["first"], job["first"] + job["count"])]
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        said = client.fire(targets, job["code"])
    except Exception as error:  # noqa: BLE001  # whatever a client raises is a result
        said = {"done": 0, "failed": 0, "unknown": len(targets), "raised": type(error).__name__}
    answer = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "said": said}
    if first is not None and first.at is not None:
        answer["first_connection"] = first.at - wall
    return answer


def calls(client, job: dict) -> dict:
    """Call the trigger for one deal, many times, one after the other."""
    wall, cpu = time.perf_counter(), time.process_time()
    client.calls(job["count"], f"DEAL_{job['first']}", job["code"])
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def find(client, _job: dict) -> dict:
    """Find all deals; what a client raises is part of the answer."""
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        ids = client.find()
        said = {"found": len(ids), "distinct": len(set(ids)), "unknown": 0}
    except Exception as error:  # noqa: BLE001  # whatever a client raises is a result
        said = {"found": 0, "distinct": 0, "unknown": 0, "raised": type(error).__name__}
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "said": said}


def update(client, job: dict) -> dict:
    """Write an amount into each of so many deals, then fire the trigger for them."""
    rows = [{"id": number, "opportunity": number * 10} for number in range(1, job["count"] + 1)]
    wall, cpu = time.perf_counter(), time.process_time()
    said = client.update(rows, job["code"])
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "said": said}


def check(client, job: dict) -> dict:
    """Count the deals that hold the amount that :func:`update` wrote."""
    amounts = client.amounts(range(1, job["count"] + 1))
    return {"said": {"right": sum(amount == number * 10 for number, amount in amounts.items())}}


DO = {"calls": calls, "check": check, "find": find, "update": update}
"""What can be asked of a client beside firing."""


def main() -> None:
    """Serve jobs until the input ends."""
    name, options = sys.argv[1], json.loads(sys.argv[2])
    first = FirstConnection() if options.pop("watch_connection", False) else None
    if os.environ.get("BENCHMARK_LOG"):
        import logging

        logging.basicConfig(level=os.environ["BENCHMARK_LOG"], stream=sys.stderr)
    client = import_module(name).Adapter(os.environ["BENCHMARK_WEBHOOK"], **options)
    print(json.dumps({"ready": True, "peak_mb": peak_mb()}), flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        answer = fire(client, job, first) if job["do"] == "fire" else DO[job["do"]](client, job)
        print(json.dumps({**answer, "peak_mb": peak_mb()}), flush=True)
    client.close()


if __name__ == "__main__":
    main()
