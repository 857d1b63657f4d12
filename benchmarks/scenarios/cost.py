"""What a client costs by itself: processor, memory, time to import. The portal has no limit and no latency."""

from __future__ import annotations

import statistics
import subprocess
import sys

from benchmarks.environments import surroundings
from benchmarks.runner import B24API, B24PYSDK, FAST, LOOP, OURS, OURS_VERIFIED, Run, Runner, spread
from benchmarks.simulator import CODE
from benchmarks.table import Row, faultless, raw, verdict
from scripts.terminal import ROOT

FREE = {"plan": "self-hosted", "request_ms": 0, "command_ms": 0}
OURS_FREE = OURS.having(plan="self-hosted")
OURS_FREE_VERIFIED = OURS_VERIFIED.having(plan="self-hosted")
FAST_FREE = FAST.having(limits=False)

IMPORTS = {
    "requests": ("ours", "import requests"),
    "ours": ("ours", "from airflow_provider_bitrix24.client import Bitrix24Client"),
    "ours, ready to send": (
        "ours",
        (
            "from airflow_provider_bitrix24.client import Bitrix24Client\n"
            "Bitrix24Client.from_webhook_url('https://example.bitrix24.com/rest/1/x/')"
        ),
    ),
    "requests, ready to send": ("ours", "import requests\nrequests.Session()"),
    "b24pysdk": ("b24pysdk", "import b24pysdk"),
    "fast-bitrix24": ("fast_bitrix24", "import fast_bitrix24"),
    "b24api": ("b24api", "import b24api"),
}
_TIMED = """
import time
wall, cpu = time.perf_counter(), time.process_time()
{}
print(time.perf_counter() - wall, time.process_time() - cpu)
"""


def cpu_per_entity(runner: Runner) -> list[Row]:
    """Processor time of the client's process per entity, in batches."""
    count = runner.sized(5000)
    clients = runner.having(OURS_FREE, LOOP, B24PYSDK, FAST_FREE, B24API)
    runs = runner.compete(clients, count, rounds=runner.rounds + 2, **FREE)
    costs = {name: [run.cpu / count * 1000 for run in each] for name, each in runs.items()}
    return [
        Row(
            key="cpu",
            what=f"CPU per entity in a batch, {count:,} entities, `verify=False`",
            target="< 0.1 ms",
            ours=spread(costs["ours"], "ms", 3),
            met=verdict(sound=faultless(runs["ours"]), fast=statistics.median(costs["ours"]) < 0.1, quick=runner.quick),
            peers={name: spread(each, "ms", 3) for name, each in costs.items() if name != "ours"},
            details=raw(runs),
        )
    ]


def one_call(runner: Runner) -> list[Row]:
    """Single calls, in short blocks that alternate between the processes: neighbours meet the same noise."""
    rounds, block = (40, 25) if not runner.quick else (3, 10)
    clients = runner.having(OURS_FREE, B24PYSDK, FAST_FREE, B24API)
    ratios: dict[str, list[float]] = {each.name: [] for each in clients}
    rates: dict[str, list[float]] = {each.name: [] for each in (LOOP, *clients)}
    costs: dict[str, list[float]] = {each.name: [] for each in (LOOP, *clients)}
    job = {"do": "calls", "first": 1, "count": block, "code": CODE}
    with runner.simulator(**FREE) as simulator:
        simulator.fill(1)
        for each in clients:
            with runner.workers(LOOP, simulator) as [loop], runner.workers(each, simulator) as [worker]:
                for turn in range(rounds + 1):
                    answers = {LOOP.name: loop.do(job), each.name: worker.do(job)}
                    if turn == 0:
                        continue  # connections are opened, caches are filled
                    ratios[each.name].append(answers[LOOP.name]["wall"] / answers[each.name]["wall"])
                    for name, answer in answers.items():
                        rates[name].append(block / answer["wall"])
                        costs[name].append(answer["cpu"] / block * 1e6)
    ours = statistics.median(ratios["ours"])
    return [
        Row(
            key="call",
            what="one call, no limit, no latency, against a bare `requests.Session` loop",
            target=">= 0.8 of its calls a second",
            ours=_ratio("ours", ratios, rates, costs),
            met=None if runner.quick else ours >= 0.8,
            peers={
                LOOP.name: f"{statistics.median(rates[LOOP.name]):.0f} calls/s, "
                f"{statistics.median(costs[LOOP.name]):.0f} us of CPU a call",
                **{each.name: _ratio(each.name, ratios, rates, costs) for each in clients if each.module != "ours"},
            },
            note=f"Median and quartiles of {rounds} pairs of neighbouring blocks of {block} calls.",
            details={"ratio": ratios, "calls_per_second": rates, "cpu_us": costs},
        )
    ]


def _ratio(name: str, ratios: dict, rates: dict, costs: dict) -> str:
    low, middle, high = statistics.quantiles(ratios[name], n=4)
    return (
        f"{middle:.2f} ({low:.2f} to {high:.2f}), {statistics.median(rates[name]):.0f} calls/s, "
        f"{statistics.median(costs[name]):.0f} us of CPU a call"
    )


def import_time(runner: Runner) -> list[Row]:
    """Imports in fresh interpreters, in turns, by processor time: the clock would show the machine's other work."""
    modules = {"ours", *(each.module for each in runner.peers)}
    wanted = {
        name: (runner.environments.python(environment), _TIMED.format(code))
        for name, (environment, code) in IMPORTS.items()
        if environment == "ours" or f"with_{environment}" in modules
    }
    cpu: dict[str, list[float]] = {name: [] for name in wanted}
    wall: dict[str, list[float]] = {name: [] for name in wanted}
    for turn in range(21 if not runner.quick else 2):
        for name, (python, code) in wanted.items():
            answer = subprocess.run(
                [python, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT, env=surroundings()
            )
            if turn:  # the first one compiles
                clock, spent = map(float, answer.stdout.split())
                wall[name].append(clock * 1000)
                cpu[name].append(spent * 1000)
    middle = {name: round(statistics.median(each)) for name, each in cpu.items()}
    print(f"    {middle}", file=sys.stderr, flush=True)
    ready = _difference(cpu["ours, ready to send"], cpu["requests, ready to send"])
    alone = _difference(cpu["ours"], cpu["requests"])
    return [
        Row(
            key="import",
            what="import of the client, CPU time",
            target="`import requests` + 50 ms",
            ours=f"{spread(cpu['ours'], 'ms', 0)}, which is {alone:+.0f} ms; until a client is ready to send "
            f"{spread(cpu['ours, ready to send'], 'ms', 0)}, {ready:+.0f} ms",
            met=None if runner.quick else max(ready, alone) <= 50,
            peers={name: spread(each, "ms", 0) for name, each in cpu.items() if name in {"requests", *_names(runner)}},
            note="A client loads requests when it is made, not when it is imported. Differences: medians of pairs.",
            details={"cpu_ms": cpu, "wall_ms": wall},
        )
    ]


def _names(runner: Runner) -> list[str]:
    return [each.name for each in runner.peers]


def _difference(these: list[float], those: list[float]) -> float:
    """Median of the differences between neighbours."""
    return statistics.median(one - other for one, other in zip(these, those, strict=True))


def peak_memory(runner: Runner) -> list[Row]:
    """Peak memory of the whole process."""
    count = runner.sized(10_000)
    clients = runner.having(OURS_FREE_VERIFIED, OURS_FREE, LOOP, B24PYSDK, FAST_FREE, B24API)
    runs = runner.compete(clients, count, **FREE)
    peaks = {name: [run.peak_mb for run in each] for name, each in runs.items()}
    ours = peaks[OURS_FREE_VERIFIED.name] + peaks[OURS_FREE.name]
    return [
        Row(
            key="memory",
            what=f"peak memory, {count:,} entities, client alone",
            target="< 60 MB for the whole process",
            ours=f"{spread(peaks[OURS_FREE_VERIFIED.name], 'MB', 1)} verified, "
            f"{spread(peaks[OURS_FREE.name], 'MB', 1)} unverified",
            met=None if runner.quick else max(ours) < 60,
            peers={name: spread(each, "MB", 1) for name, each in peaks.items() if not name.startswith("ours")},
            details=raw(runs),
        )
    ]


def hundred_thousand(runner: Runner) -> list[Row]:
    """A very long list: what is kept, and how soon the first request leaves."""
    count = runner.sized(100_000)
    runs = runner.compete([OURS_FREE_VERIFIED], count, **FREE)
    mine: list[Run] = runs[OURS_FREE_VERIFIED.name]
    first = [run.first_request for run in mine if run.first_request is not None]
    kept = [(run.peak_mb - 32) * 1024 / count for run in mine]
    return [
        Row(
            key="100000",
            what=f"{count:,} entities in one call, verified",
            target="bounded by the list and its results; first request < 2 s",
            ours=f"peak {spread([run.peak_mb for run in mine], 'MB', 1)}, first request after {spread(first)}, "
            "all moved once"
            if all(run.truth.once == count for run in mine)
            else "not all moved once",
            met=None if runner.quick else statistics.median(first) < 2 and all(run.truth.once == count for run in mine),
            note=f"Some {statistics.median(kept):.1f} kB an entity beyond the 32 MB of an idle client.",
            details=raw(runs),
        )
    ]
