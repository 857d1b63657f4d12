"""Many hosts behind one address: how long they take together, by what they share.

    python -m benchmarks.hosts --stores redis,postgres,directory,nothing --layouts 2x2500,3x1000,8x1000,pods
    python -m benchmarks.hosts --latency
    python -m benchmarks.hosts --outage --stores redis,postgres

Each host is a process with a directory of its own. The portal is the simulator at 50 requests and two a second, in the
documentation's strictest reading: its bucket leaks once a second, and refused requests fill it, too. Redis and
PostgreSQL are servers of this machine, started for a run. ``pods`` are 200 hosts of one entity each, 16 at a time.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import random
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client import Bitrix24Client, ClientSettings, parse_webhook_url
from airflow_provider_bitrix24.client.errors import SharedStoreError
from airflow_provider_bitrix24.client.limits.bucket import LeakyBucket
from airflow_provider_bitrix24.client.pacing_store import FileStore, Pacer, RedisStore, SqlStore
from airflow_provider_bitrix24.client.transports import sync  # noqa: F401 - each host would import it anew
from scripts.postgres_server import PostgresProcess, server_programs
from scripts.redis_server import RedisProcess
from scripts.simulator_process import SimulatorProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

CODE = "bench"
PODS, AT_ONCE = 200, 16
OUTAGE = 20.0
"""Seconds for which the store is gone."""
FORK = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Host:
    """What one host needs to know."""

    webhook: str
    kind: str
    where: str
    """The store's URL, or a directory."""
    first: int
    count: int
    verify: bool

    def store(self):
        """The store that this host uses."""
        if self.kind == "redis":
            return RedisStore.from_url(self.where)
        if self.kind == "postgres":
            return SqlStore(self.where)
        shared = self.kind == "directory"
        return FileStore(Path(self.where) / ("shared" if shared else f"host{self.first}"))

    def fire(self) -> dict:
        """Fire for this host's deals. Returns what became of them."""
        log, warned = logging.getLogger("airflow_provider_bitrix24.client"), _Warned()
        log.handlers, log.propagate = [warned], False
        begun = time.time()
        client = Bitrix24Client(parse_webhook_url(self.webhook).portal, store=self.store(), settings=ClientSettings())
        targets = [f"DEAL_{number}" for number in range(self.first, self.first + self.count)]
        try:
            with client:
                report = client.trigger_automation(targets, CODE, verify=self.verify)
        except Exception as error:  # noqa: BLE001 - out of patience, which is a result
            failed, raised = self.count, type(error).__name__
        else:
            failed, raised = report.failed, None
        return {"begun": begun, "ended": time.time(), "failed": failed, "error": raised, "alone": warned.alone}


class _Warned(logging.Handler):
    """Notes whether a host could not use its store."""

    alone = False

    def emit(self, record: logging.LogRecord) -> None:
        """See :class:`logging.Handler`."""
        self.alone |= "is not shared" in record.getMessage()


@contextmanager
def server(kind: str, folder: Path) -> Iterator[tuple[str, RedisProcess | PostgresProcess | None]]:
    """The server of a store, and where hosts find it."""
    if kind == "redis":
        with RedisProcess(folder) as redis:
            yield redis.url, redis
    elif kind == "postgres":
        with PostgresProcess(server_programs()) as postgres:
            yield postgres.url, postgres
    else:
        yield str(folder), None


@contextmanager
def portal(folder: Path, count: int) -> Iterator[SimulatorProcess]:
    """A portal with deals, in the strictest reading of its limit."""
    with SimulatorProcess(folder, "--request-ms", "20", "--command-ms", "5") as simulator:
        simulator.seed_deals(count, code=CODE, stages=("PREPARATION",))
        simulator.post("/limits", {"drain": "steps", "refused_count": True})
        yield simulator


def import_libraries() -> None:
    """Import what each process would otherwise import anew."""
    RedisStore(host="127.0.0.1").close()
    SqlStore("postgresql://127.0.0.1/airflow").close()


def measure(kind: str, layout: str, *, verify: bool, outage: bool = False) -> dict:
    """Let hosts fire at once. Returns the figures of a run."""
    import_libraries()
    pods = layout == "pods"
    hosts, each = (PODS, 1) if pods else map(int, layout.split("x"))
    with tempfile.TemporaryDirectory() as name, server(kind, Path(name)) as (where, running):
        folder = Path(name)
        folder.chmod(0o777)
        with portal(folder, hosts * each) as simulator:
            jobs = [Host(simulator.webhook_url, kind, where, 1 + n * each, each, verify) for n in range(hosts)]
            with ProcessPoolExecutor(AT_ONCE if pods else hosts, mp_context=FORK) as pool:
                answers = pool.map(Host.fire, jobs)
                if outage:
                    _outage(running)
                said = list(answers)
            return _figures(simulator, said, hosts * each)


def _outage(store: RedisProcess | PostgresProcess) -> None:
    time.sleep(10.0)
    store.kill()
    time.sleep(OUTAGE)
    store.start()


def _figures(simulator: SimulatorProcess, said: list[dict], entities: int) -> dict:
    moves, seen = simulator.moves(), simulator.get("/requests?last=20000")["requests"]
    begun = min(each["moment"] for each in seen)
    seconds = max(each["moment"] + each["duration"] for each in seen) - begun
    refused = simulator.get("/limits")["refused"]
    # What the bucket forces on anybody: 50 requests at once, then two in each full second. The last one takes its time.
    last = max(seen, key=lambda each: each["moment"])
    floor = max(0, ceil((len(seen) - refused - 50) / 2)) + last["duration"]
    return {
        "seconds": seconds,
        "floor": floor,
        "refused": refused,
        "once": moves[1],
        "doubled": sum(count for times, count in moves.items() if times > 1),
        "lost": entities - sum(count for times, count in moves.items() if times),
        "failed": sum(each["failed"] for each in said),
        "slowest": max(each["ended"] - each["begun"] for each in said),
        "alone": sum(each["alone"] for each in said),
        "out of patience": sum(each["error"] is not None for each in said),
    }


def show(kind: str, layout: str, verify: bool, run: dict) -> None:  # noqa: FBT001
    """Print a row."""
    print(
        f"{layout:>7} {'verified' if verify else 'unverified':>10} {kind:>10}: {run['seconds']:6.1f} s, "
        f"{run['seconds'] / run['floor']:.3f} of the floor ({run['floor']:.1f} s); {run['refused']} refused, "
        f"{run['once']} once, {run['doubled']} doubled, {run['lost']} lost, {run['failed']} failed, "
        f"{run['out of patience']} out of patience, {run['alone']} paced alone, "
        f"slowest host {run['slowest']:.1f} s",
        flush=True,
    )


def latency(kind: str, processes: int, seconds: float) -> None:
    """Print how long a reservation takes while processes make one a second each."""
    import_libraries()
    with tempfile.TemporaryDirectory() as name, server(kind, Path(name)) as (where, _):
        start = time.monotonic() + 5 + processes / 50
        with FORK.Pool(processes) as pool:
            taken = pool.starmap(_reserve, [(kind, where, start, seconds)] * processes, chunksize=1)
    waits = sorted(wait for each in taken for wait in each)
    p50, p99 = (waits[int(len(waits) * part)] * 1000 for part in (0.5, 0.99))
    print(f"{kind}, {processes} processes: p50 {p50:.2f} ms, p99 {p99:.2f} ms, {len(waits)} reservations", flush=True)


def _reserve(kind: str, where: str, start: float, seconds: float) -> list[float]:
    store = Host("", kind, where, 0, 0, verify=False).store()
    pacer = Pacer(store=store, key="example.bitrix24.com", bucket=LeakyBucket(50, 1e6))
    due, found = start + random.Random(os.getpid()).random(), []  # noqa: S311
    while time.monotonic() < start:  # connect, which a crowd that starts at once may not manage within a second
        try:
            store.update("warm", lambda value, _: (value, None))
            break
        except SharedStoreError:
            time.sleep(0.5)
    while due < start + seconds:
        time.sleep(max(0.0, due - time.monotonic()))
        begun = time.monotonic()
        pacer.acquire(1, 0)
        found.append(time.monotonic() - begun)
        due += 1.0
    return found


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hosts", description=__doc__.partition("\n")[0])
    parser.add_argument("--stores", default="redis,postgres,directory,nothing")
    parser.add_argument("--layouts", default="2x2500,3x1000,8x1000,pods")
    parser.add_argument("--verify", choices=("yes", "no", "both"), default="both")
    parser.add_argument("--latency", action="store_true", help="measure how long a reservation takes")
    parser.add_argument("--outage", action="store_true", help="kill the store for 20 s in the middle of 8 x 1,000")
    options = parser.parse_args()
    if options.latency:
        for kind, processes in (("redis", 50), ("postgres", 50), ("directory", 300)):
            latency(kind, processes, 10.0)
        return
    verified = {"yes": [True], "no": [False], "both": [False, True]}[options.verify]
    if options.outage:
        for kind in [each for each in options.stores.split(",") if each in ("redis", "postgres")]:
            show(kind, "8x1000", verify=True, run=measure(kind, "8x1000", verify=True, outage=True))
        return
    for layout in options.layouts.split(","):
        for verify in verified if layout != "pods" else verified[-1:]:
            for kind in options.stores.split(","):
                show(kind, layout, verify, measure(kind, layout, verify=verify))


if __name__ == "__main__":
    sys.exit(main())
