"""Running clients: each in a process of its own, on a core of its own, against a portal in another."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from benchmarks.environments import HERE, Environments, surroundings
from benchmarks.machine import core, pin
from benchmarks.other_portal import OtherPortal
from benchmarks.simulator import COMMAND_MS, REQUEST_MS, Simulator, Timeline, Truth


@dataclass(frozen=True, slots=True)
class Client:
    """A client that is measured: a module of ``clients/``, its environment, and its options."""

    name: str
    module: str
    environment: str
    options: dict = field(default_factory=dict)

    def having(self, **options) -> Client:
        """The same with other options."""
        return replace(self, options={**self.options, **options})


OURS = Client("ours", "ours", "ours")
OURS_VERIFIED = Client("ours, verified", "ours", "ours", {"verify": True})
LOOP = Client("bare loop", "bare_loop", "ours")
B24PYSDK = Client("b24pysdk", "with_b24pysdk", "b24pysdk")
FAST = Client("fast-bitrix24", "with_fast_bitrix24", "fast_bitrix24")
FAST_SLOW = Client("fast-bitrix24 slow()", "with_fast_bitrix24", "fast_bitrix24", {"slow": True})
B24API = Client("b24api", "with_b24api", "b24api")
PEERS = (LOOP, B24PYSDK, FAST, B24API)


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one client (or of several processes of it at once)."""

    client: str
    wall: float
    """Seconds from the call to its return; with several processes from the first request to the last answer."""
    cpu: float
    peak_mb: float
    said: dict
    truth: Truth
    load: float
    """Load of the machine when the run began."""
    first_request: float | None = None
    timeline: list[tuple[float, int]] = field(default_factory=list)


class Worker:
    """A client's process, waiting for jobs."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._complaints = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed in stop()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            text=True,
            env=environment,
        )
        pin(self._process.pid, core(-1))

    def send(self, job: dict) -> None:
        """Give it a job."""
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()

    def receive(self) -> dict:
        """Wait for its answer."""
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._complaints.seek(0)
            raise RuntimeError(f"a client's process ended without an answer:\n{self._complaints.read()[-2000:]}")
        return json.loads(line)

    def do(self, job: dict) -> dict:
        """Give it a job and wait for the answer."""
        self.send(job)
        return self.receive()

    def stop(self) -> None:
        """End it and wait for its end."""
        self._process.stdin.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._complaints.close()


@dataclass(slots=True)
class Runner:
    """What all scenarios share.

    :param rounds: how often each pairing is repeated.
    :param scale: divides the sizes of lists, for a quick check that all this works.
    :param other: a portal to measure instead of the simulator, where a scenario needs no control over it.
    """

    environments: Environments
    peers: tuple[Client, ...] = PEERS
    rounds: int = 3
    scale: int = 1
    other: OtherPortal | None = None

    @property
    def quick(self) -> bool:
        """Whether this only checks that the harness works."""
        return self.scale > 1

    def having(self, *clients: Client) -> list[Client]:
        """Those of the clients that take part."""
        modules = {"ours", *(each.module for each in self.peers)}
        return [each for each in clients if each.module in modules]

    def sized(self, count: int) -> int:
        """A list's length, shortened for a quick check."""
        return max(2, count // self.scale)

    def simulator(self, **options) -> Simulator:
        """A fresh simulator on a core of its own."""
        return Simulator(self.environments, cpu=core(0), **options)

    @contextmanager
    def workers(self, client: Client, portal: Simulator | OtherPortal, count: int = 1):
        """Processes of a client, ready to begin."""
        environment = surroundings(BENCHMARK_WEBHOOK=portal.webhook_url)
        if client.module == "ours" and isinstance(portal, Simulator):
            client = client.having(shared_store_directory=portal.pacing_directory)  # forgotten with the portal
        if portal.ca_file:
            environment.update(REQUESTS_CA_BUNDLE=str(portal.ca_file), SSL_CERT_FILE=str(portal.ca_file))
        command = [
            self.environments.python(client.environment),
            str(HERE / "clients" / "worker.py"),
            client.module,
            json.dumps(client.options),
        ]
        started: list[Worker] = []
        try:
            started.extend(Worker(command, environment) for _ in range(count))
            for worker in started:
                worker.receive()
            yield started
        finally:
            for worker in started:
                worker.stop()

    def fire(self, client: Client, count: int, *, processes: int = 1, watch: bool = False, **portal) -> Run:
        """Let a client fire for deals of a portal, split among processes that begin together.

        :param count: deals for each process.
        :param watch: whether to note how many have moved while it runs.
        :param portal: options of the simulator; ``prepare`` is called with it once it is filled.
        """
        if self.other is not None:
            return self._fire(client, self.other, count, processes, watch=False)
        prepare = portal.pop("prepare", None)
        robot_seconds = portal.pop("robot_seconds", 0)
        with self.simulator(**{"request_ms": REQUEST_MS, "command_ms": COMMAND_MS, **portal}) as simulator:
            simulator.fill(count * processes, robot_seconds=robot_seconds)
            if prepare is not None:
                prepare(simulator)
            return self._fire(client, simulator, count, processes, watch=watch)

    def _fire(self, client: Client, portal, count: int, processes: int, *, watch: bool) -> Run:
        foreign = isinstance(portal, OtherPortal)
        code = portal.code if foreign else "bench"
        first = portal.fill(count * processes) if foreign else 1
        timeline, stop, load = Timeline(), threading.Event(), os.getloadavg()[0]
        with self.workers(client.having(watch_connection=True), portal, processes) as workers:
            begun = time.perf_counter()
            watcher = portal.watch(timeline, lambda: time.perf_counter() - begun, stop) if watch else None
            for number, worker in enumerate(workers):
                worker.send({"do": "fire", "first": first + number * count, "count": count, "code": code})
            answers = [worker.receive() for worker in workers]
            elapsed = time.perf_counter() - begun
            stop.set()
            if watcher is not None:
                watcher.join()
        said = _summed([answer["said"] for answer in answers])
        if said["unknown"] and not foreign:
            portal.settle()
        truth = portal.truth()
        run = Run(
            client=client.name,
            wall=answers[0]["wall"] if processes == 1 else truth.seconds or elapsed,
            cpu=sum(answer["cpu"] for answer in answers),
            peak_mb=max(answer["peak_mb"] for answer in answers),
            said=said,
            truth=truth,
            load=load,
            first_request=answers[0].get("first_connection"),
            timeline=[(round(moment, 2), moved) for moment, moved in timeline.points],
        )
        print(f"    {describe(run)}", file=sys.stderr, flush=True)
        return run

    def compete(self, clients: list[Client], count: int, *, rounds: int | None = None, **how) -> dict[str, list[Run]]:
        """Let clients run in turns, A B A B, and return their runs by name."""
        runs: dict[str, list[Run]] = {each.name: [] for each in clients}
        for _ in range(1 if self.quick else rounds or self.rounds):
            for each in clients:
                runs[each.name].append(self.fire(each, count, **how))
        return runs


def describe(run: Run) -> str:
    """One line about a run, for the person at the terminal."""
    truth = run.truth
    return (
        f"{run.client}: {run.wall:.2f} s, {truth.once} once, {truth.doubled} doubled, {truth.lost} lost, "
        f"{truth.refused} refused, {truth.requests} requests, said {run.said}"
    )


def spread(values: list[float], unit: str = "s", digits: int = 2) -> str:
    """A median with the range around it."""
    middle = statistics.median(values)
    text = f"{middle:.{digits}f} {unit}"
    return text if len(values) == 1 else f"{text} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def _summed(said: list[dict]) -> dict:
    total: dict = {}
    for each in said:
        for key, value in each.items():
            total[key] = total.get(key, 0) + value if isinstance(value, int) else value
    return total
