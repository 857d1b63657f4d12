"""Both clients at full speed for minutes: their process's memory, handles and threads must stay flat.

Fires 200 deals, moves them back, and again, with the blocking and the asynchronous client at once and without pacing,
against a simulator in a process of its own. It prints a row a minute and exits with 1 if the last minute needs more
than the third did (until then caches fill)::

    python -m benchmarks.soak [--minutes 10]
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

import psutil

from airflow_provider_bitrix24.client import AsyncBitrix24Client, Bitrix24Client, ClientSettings, parse_webhook_url
from scripts.simulator_process import SimulatorProcess

DEALS = 200
CODE = "c5u4m"
SETTLED_AT = 3
"""The minute with which the last one is compared."""
MORE_MEMORY = 0.05
"""Part by which the memory may differ, since the allocator keeps more or less of what was freed."""


@dataclass
class Load:
    """What both clients do, and how much of it was done."""

    url: str
    end: float
    rounds: dict[str, int] = field(default_factory=lambda: {"sync": 0, "async": 0})
    failures: list[BaseException] = field(default_factory=list)

    def targets(self, kind: str) -> list[str]:
        first = 1 if kind == "sync" else DEALS + 1
        return [f"DEAL_{number}" for number in range(first, first + DEALS)]

    def back(self, kind: str) -> list[dict[str, object]]:
        return [{"target": target, "fields": {"stageId": "NEW"}} for target in self.targets(kind)]

    def finish(self, kind: str, moved: int, updated: int) -> None:
        if (moved, updated) != (DEALS, DEALS):
            raise RuntimeError(f"{kind}: {moved} of {DEALS} deals moved, {updated} moved back")
        self.rounds[kind] += 1

    def rounds_of_one_client(self):
        return takewhile(lambda _: time.monotonic() < self.end, range(10))

    def run(self, run) -> None:
        try:
            run()
        except BaseException as error:  # noqa: BLE001 - raised again in the main thread
            self.failures.append(error)
            self.end = 0.0


def in_thread(load: Load, portal, settings) -> None:
    while time.monotonic() < load.end:
        with Bitrix24Client(portal, settings=settings) as client:
            for _ in load.rounds_of_one_client():
                report = client.trigger_automation(load.targets("sync"), CODE)
                load.finish("sync", report.moved, client.update_entities(load.back("sync")).updated)


async def in_loop(load: Load, portal, settings) -> None:
    while time.monotonic() < load.end:
        async with AsyncBitrix24Client(portal, settings=settings) as client:
            for _ in load.rounds_of_one_client():
                report = await client.trigger_automation(load.targets("async"), CODE)
                load.finish("async", report.moved, (await client.update_entities(load.back("async"))).updated)


@dataclass(frozen=True)
class Row:
    """The most of each in one minute."""

    memory: float
    handles: int
    threads: int
    blocks: int
    """Pieces of memory that Python has given out."""


def watch(me: psutil.Process, seconds: float, load: Load) -> Row:
    """Look every half second."""
    rows = []
    end = min(time.monotonic() + seconds, load.end)
    while not load.failures:
        rows.append((me.memory_info().rss / 1e6, me.num_fds(), me.num_threads(), sys.getallocatedblocks()))
        if time.monotonic() >= end:
            break
        time.sleep(0.5)
    return Row(*map(max, zip(*rows, strict=True)))


def soak(minutes: int) -> list[Row]:
    """Let both clients work for so long, and print a row a minute."""
    with tempfile.TemporaryDirectory() as folder, SimulatorProcess(Path(folder), "--plan", "self-hosted") as simulator:
        simulator.seed_deals(2 * DEALS, code=CODE, stages=("PREPARATION",))
        load = Load(simulator.webhook_url, time.monotonic() + 60 * minutes)
        portal = parse_webhook_url(load.url).portal
        settings = ClientSettings(plan="self-hosted", shared_store_directory=folder)
        workers = [
            threading.Thread(target=load.run, args=(lambda: in_thread(load, portal, settings),)),
            threading.Thread(target=load.run, args=(lambda: asyncio.run(in_loop(load, portal, settings)),)),
        ]
        for worker in workers:
            worker.start()
        print("| minute | entities fired | memory, MB | handles | threads | blocks | simulator, MB |")
        print("|--:|--:|--:|--:|--:|--:|--:|")
        me, other = psutil.Process(), psutil.Process(simulator.process.pid)
        rows = []
        for minute in range(1, minutes + 1):
            if load.failures:
                break
            row = watch(me, 60.0, load)
            rows.append(row)
            fired = DEALS * sum(load.rounds.values())
            theirs = other.memory_info().rss / 1e6
            print(
                f"| {minute} | {fired:,} | {row.memory:.1f} | {row.handles} | {row.threads} | {row.blocks:,} "
                f"| {theirs:.1f} |",
                flush=True,
            )
        for worker in workers:
            worker.join()
        if load.failures:
            raise load.failures[0]
    return rows


def main() -> int:
    """Run; returns 1 if something grew."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=int, default=10)
    rows = soak(parser.parse_args().minutes)
    settled, last = rows[min(SETTLED_AT, len(rows)) - 1], rows[-1]
    grown = [
        name
        for name, allowed in (("memory", 1 + MORE_MEMORY), ("handles", 1), ("threads", 1), ("blocks", 1 + MORE_MEMORY))
        if getattr(last, name) > allowed * getattr(settled, name)
    ]
    print(f"Grown: {', '.join(grown)}." if grown else "Flat.")
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(main())
