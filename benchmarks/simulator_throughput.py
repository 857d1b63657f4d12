"""How much the simulator serves on one core, so that it never is what another benchmark measures.

The simulator runs as its command in a process pinned to one core; the load comes from this process, pinned to
another. Single calls go over a few keep-alive connections as raw bytes, so that the generator is the cheaper
side. On a machine that does other work too, look at the last column: it counts only the time that the simulator
had a core. Otherwise run it on an idle machine with at least two cores. At the end 100,000 further deals are created,
and pages of them read by the cursor that clients use::

    python -m benchmarks.simulator_throughput [--seconds 5] [--connections 8]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
import time
from pathlib import Path
from urllib.parse import quote, urlsplit

import psutil

from benchmarks.machine import core, pin
from scripts.simulator_process import SimulatorProcess

ENTITIES = 20_000
MORE_ENTITIES = 100_000


class Connection:
    """One keep-alive connection that sends prepared bytes and waits for each answer."""

    def __init__(self, host, port):
        self.host, self.port = host, port

    async def open(self):
        self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
        return self

    async def send(self, request):
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        body = await self.reader.readexactly(length)
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"unexpected answer: {head[:60]!r} {body[:200]!r}")
        return body


def single(path, number):
    target = f"target=DEAL_{1 + number % ENTITIES}&code=c5u4m"
    return f"GET {path}crm.automation.trigger/?{target} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


def batch(path, number, prefix="c", method="crm.automation.trigger?target=DEAL_{}&code=c5u4m"):
    first = number * 50
    commands = {f"{prefix}{i}": method.format(1 + (first + i) % ENTITIES) for i in range(50)}
    body = json.dumps({"cmd": commands, "halt": 0}).encode()
    head = f"POST {path}batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def read(path, number):
    first = number * 50
    ids = "&".join(f"filter[@id][]={1 + (first + i) % ENTITIES}" for i in range(50))
    query = quote(f"entityTypeId=2&start=-1&select[]=id&select[]=stageId&{ids}", safe="=&")
    return f"GET {path}crm.item.list?{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


def page_after(path, number):
    query = quote(f"entityTypeId=2&start=-1&select[]=id&filter[>id]={number * 250}", safe="=&")
    return f"GET {path}crm.item.list?{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


async def measure(url, make, seconds, connections):
    """Return how many answers came over `connections` connections, and in how many seconds."""
    parts = urlsplit(url)
    open_ones = [await Connection(parts.hostname, parts.port).open() for _ in range(connections)]
    requests = [make(parts.path, number) for number in range(400)]
    sent = 0
    end = time.perf_counter() + seconds

    async def worker(connection):
        nonlocal sent
        while time.perf_counter() < end:
            sent += 1
            await connection.send(requests[sent % len(requests)])

    started = time.perf_counter()
    await asyncio.gather(*(worker(each) for each in open_ones))
    for each in open_ones:
        each.writer.close()
    return sent, time.perf_counter() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--connections", type=int, default=8)
    options = parser.parse_args()
    load, served = core(0), core(-1)
    pin(os.getpid(), load)
    with (
        tempfile.TemporaryDirectory(prefix="bitrix24-benchmark-") as folder,
        SimulatorProcess(Path(folder), "--plan", "self-hosted") as simulator,
    ):
        pin(simulator.process.pid, served)
        simulator.seed_deals(ENTITIES, stages=("PREPARATION",))
        process = psutil.Process(simulator.process.pid)

        def show(name, make, commands=1):
            before = processor_seconds(process)
            sent, took = asyncio.run(measure(simulator.webhook_url, make, options.seconds, options.connections))
            used = processor_seconds(process) - before
            print(
                f"{name:26} {sent / took:9,.0f} requests/s {sent * commands / took:10,.0f} commands/s"
                f" {sent / used:9,.0f} requests per second of processor time",
                flush=True,
            )

        show("single trigger calls", single)
        show("batched triggers", batch, 50)
        show("crm.item.list of 50 by id", read)
        before = processor_seconds(process)
        simulator.post("/seed", {"generate": [{"type": "DEAL", "count": MORE_ENTITIES, "first_id": ENTITIES + 1}]})
        print(f"creating {MORE_ENTITIES:,} deals: {processor_seconds(process) - before:.2f} s of processor time")
        show("crm.item.list after an id", page_after)
        print(f"simulator on core {served}, load on core {load}")


def processor_seconds(process):
    used = process.cpu_times()
    return used.user + used.system


if __name__ == "__main__":
    main()
