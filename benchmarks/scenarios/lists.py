"""Long lists: how close to the floor that the portal's bucket sets."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from benchmarks.runner import B24API, B24PYSDK, FAST, FAST_SLOW, LOOP, OURS, OURS_VERIFIED, Client, Run, Runner, spread
from benchmarks.table import Row, faultless, flaws, floor_seconds, raw, verdict

if TYPE_CHECKING:
    from benchmarks.simulator import Simulator

LAST = 0.27
"""Working time of a full batch at 20 ms a request and 5 ms a command."""


def five_thousand(runner: Runner) -> list[Row]:
    """5,000 entities, unverified and verified, in one run with the peers."""
    count = runner.sized(5000)
    floor = floor_seconds(-(-count // 50), last=LAST)
    clients = runner.having(OURS, LOOP, OURS_VERIFIED, B24PYSDK, FAST, FAST_SLOW, B24API)
    runs = runner.compete(clients, count, watch=True)
    peers = peers_of(runs, clients)
    timelines = {name: _median_run(each).timeline for name, each in runs.items()}
    unverified = _row(
        "5000",
        f"{count:,} entities, `verify=False`",
        1.07 * floor,
        runs[OURS.name],
        peers=peers,
        runs=runs,
        runner=runner,
        floor=floor,
    )
    unverified.plotted = {"floor": floor, "count": count, "timelines": timelines}
    verified = _row(
        "5000 verified",
        f"{count:,} entities, verified, each with stage before and after",
        1.20 * floor,
        runs[OURS_VERIFIED.name],
        peers={},
        runs={OURS_VERIFIED.name: runs[OURS_VERIFIED.name]},
        runner=runner,
        floor=floor,
    )
    shown = min(run.said.get("stages_shown", 0) for run in runs[OURS_VERIFIED.name])
    verified.ours += f", {shown:,} with both stages, {_requests(runs[OURS_VERIFIED.name])}"
    verified.met = verified.met if shown == count else False
    verified.note = "No peer verifies."
    return [unverified, verified]


def one_thousand(runner: Runner) -> list[Row]:
    """1,000 entities, which the bucket takes at once."""
    count = runner.sized(1000)
    clients = runner.having(OURS, LOOP, B24PYSDK, FAST, B24API)
    runs = runner.compete(clients, count)
    peers = peers_of(runs, clients)
    return [
        _row("1000", f"{count:,} entities, `verify=False`", 2.0, runs[OURS.name], peers=peers, runs=runs, runner=runner)
    ]


def strict_reading(runner: Runner) -> list[Row]:
    """The documentation's words taken literally: the bucket leaks once a second and refused requests count."""
    count = runner.sized(5000)
    clients = runner.having(OURS, LOOP, OURS_VERIFIED, B24PYSDK, FAST_SLOW, B24API)
    runs = runner.compete(clients, count, rounds=2, prepare=_strict)
    what = f"{count:,} entities, the bucket leaks once a second and refused requests count"
    peers = peers_of(runs, clients)
    unverified = _row("strict", f"{what}, `verify=False`", 27.0, runs[OURS.name], peers=peers, runs=runs, runner=runner)
    only = {OURS_VERIFIED.name: runs[OURS_VERIFIED.name]}
    verified = _row(
        "strict verified", f"{what}, verified", 30.3, runs[OURS_VERIFIED.name], peers={}, runs=only, runner=runner
    )
    return [unverified, verified]


def _strict(simulator: Simulator) -> None:
    simulator.post("/limits", {"drain": "steps", "refused_count": True})


def _row(
    key: str,
    what: str,
    target: float,
    ours: list[Run],
    *,
    peers: dict[str, str],
    runs: dict[str, list[Run]],
    runner: Runner,
    floor: float | None = None,
) -> Row:
    walls = [run.wall for run in ours]
    in_floors = f" = {median(walls) / floor:.3f} F" if floor else ""
    return Row(
        key=key,
        what=what,
        target=f"<= {target:.1f} s, 0 refused",
        ours=f"{spread(walls)}{in_floors}, {flaws(ours)}",
        met=verdict(sound=faultless(ours), fast=median(walls) <= target, quick=runner.quick),
        peers=peers,
        details=raw(runs),
    )


def peers_of(runs: dict[str, list[Run]], clients: list[Client]) -> dict[str, str]:
    """What the peers among the clients did, by name."""
    names = [each.name for each in clients if each.module != "ours"]
    return {name: f"{spread([run.wall for run in runs[name]])}, {flaws(runs[name])}" for name in names}


def _median_run(runs: list[Run]) -> Run:
    return sorted(runs, key=lambda run: run.wall)[len(runs) // 2]


def _requests(runs: list[Run]) -> str:
    return f"{max(run.truth.requests for run in runs)} requests"
