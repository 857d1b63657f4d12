"""Finding entities by a filter, and writing fields into them before the trigger."""

from __future__ import annotations

import os
from statistics import median

from benchmarks.runner import B24PYSDK, FAST, OURS, Client, Run, Runner, describe, spread
from benchmarks.simulator import CODE, COMMAND_MS, REQUEST_MS
from benchmarks.table import Row, floor_seconds, raw, verdict

ONE_AT_A_TIME = OURS.having(max_concurrency=1)
LAST = 0.27
"""Working time of a full batch at 20 ms a request and 5 ms a command."""


def find(runner: Runner) -> list[Row]:
    """100,000 deals, with requests one after the other and several at a time, beside the peers' fast lists."""
    count = runner.sized(100_000)
    one = Client("ours, one at a time", ONE_AT_A_TIME.module, ONE_AT_A_TIME.environment, ONE_AT_A_TIME.options)
    clients = runner.having(OURS, one, B24PYSDK, FAST)
    runs: dict[str, list[Run]] = {each.name: [] for each in clients}
    for _ in range(1 if runner.quick else runner.rounds):
        for each in clients:
            runs[each.name].append(_run(runner, each, count, {"do": "find"}))
    peers = {each.name: _found(runs[each.name]) for each in clients if each.module != "ours"}
    return [
        _found_row(runner, "find", f"find {count:,} ids", 4.0, 50, runs[OURS.name], peers, runs),
        _found_row(
            runner,
            "find one at a time",
            f"find {count:,} ids, one request at a time",
            12.0,
            42,
            runs[one.name],
            {},
            {},
        ),
    ]


def update(runner: Runner) -> list[Row]:
    """5,000 amounts, then the trigger for them, verified."""
    count = runner.sized(5_000)
    runs = [
        _run(runner, OURS, count, {"do": "update", "count": count, "code": CODE})
        for _ in range(1 if runner.quick else runner.rounds)
    ]
    requests = max(run.truth.requests for run in runs)
    floor = floor_seconds(requests, last=LAST)
    walls, right = [run.wall for run in runs], min(run.said["right"] for run in runs)
    sound = all(run.said["right"] == run.said["updated"] == run.said["done"] == run.truth.once == count for run in runs)
    return [
        Row(
            key="update",
            what=f"update {count:,} amounts, then fire them, verified",
            target="<= 1.06 of the floor of its requests, every amount right, 0 doubled",
            ours=f"{spread(walls)} = {median(walls) / floor:.3f} F, {requests} requests, {right:,} right",
            met=verdict(sound=sound, fast=median(walls) <= 1.06 * floor, quick=runner.quick),
            details=raw({OURS.name: runs}),
        )
    ]


def _run(runner: Runner, client: Client, count: int, job: dict) -> Run:
    load = os.getloadavg()[0]
    with runner.simulator(request_ms=REQUEST_MS, command_ms=COMMAND_MS) as simulator:
        simulator.fill(count)
        with runner.workers(client, simulator) as [worker]:
            answer = worker.do(job)
            truth, said = simulator.truth(), answer["said"]
            if job["do"] == "update":
                said |= worker.do({**job, "do": "check"})["said"]
        run = Run(client.name, answer["wall"], answer["cpu"], answer["peak_mb"], said, truth, load)
    print(f"    {describe(run)}", flush=True)
    return run


def _found(runs: list[Run]) -> str:
    """Time, requests, and whether all were found."""
    missing = max(run.said["distinct"] for run in runs)
    raised = [run.said["raised"] for run in runs if "raised" in run.said]
    what = f"raises {raised[0]}" if raised else f"{missing:,} found"
    refused = max(run.truth.refused or 0 for run in runs)
    requests = max(run.truth.requests for run in runs)
    return f"{spread([run.wall for run in runs])}, {requests} requests, {what}, {refused} refused"


def _found_row(
    runner: Runner,
    key: str,
    what: str,
    seconds: float,
    requests: int,
    ours: list[Run],
    peers: dict[str, str],
    runs: dict[str, list[Run]],
) -> Row:
    count = runner.sized(100_000)
    sound = all(run.said["distinct"] == run.said["found"] == count and not run.truth.refused for run in ours)
    fast = median(run.wall for run in ours) <= seconds and max(run.truth.requests for run in ours) <= requests
    return Row(
        key=key,
        what=what,
        target=f"<= {requests} requests, <= {seconds:g} s, nothing missing",
        ours=_found(ours),
        met=verdict(sound=sound, fast=fast, quick=runner.quick),
        peers=peers,
        details=raw(runs or {ours[0].client: ours}),
    )
