"""When the portal fails: what is doubled, what is lost, what nobody knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.runner import B24API, B24PYSDK, FAST, LOOP, OURS_VERIFIED, Run, Runner, describe, spread
from benchmarks.table import Row, flaws, raw

if TYPE_CHECKING:
    from benchmarks.simulator import Simulator

FAULTS = (
    "reset:after",
    "error:500:after",
    "html:502:after",
    "html:503:after",
    "cut_body:after",
    "empty:after",
    "html:200:after",
)
"""All executed by the portal; only the answer is lost or spoilt."""
ONE_OF = 4
"""Positions at which a single fault is tried: the snapshot and three batches for ours, two batches for peers."""
SLOW_SECONDS = 0.73
"""What a trigger took in the documentation's own example."""


@dataclass(slots=True)
class Tally:
    """What became of the entities over many runs."""

    doubled: int = 0
    lost: int = 0
    unknown: int = 0
    raised: int = 0
    runs: int = 0
    faults: int = 0

    def add(self, run: Run) -> None:
        """Count a run. What a raising client leaves open is unknown to its caller."""
        self.runs += 1
        self.doubled += run.truth.doubled
        self.lost += run.truth.lost
        self.raised += "raised" in run.said
        self.unknown += run.said.get("unknown", 0)
        self.faults += run.truth.faults

    def __str__(self) -> str:
        text = f"{self.doubled} doubled, {self.lost} lost, {self.unknown} left unknown"
        return f"{text}; raises in {self.raised} of {self.runs} runs" if self.raised else text


def after_execution(runner: Runner) -> list[Row]:
    """Every fault after execution: one at a time at each position, and every 4th request."""
    kinds, long = (FAULTS[:1], 200) if runner.quick else (FAULTS, 1000)
    clients = runner.having(OURS_VERIFIED, LOOP, B24PYSDK, FAST, B24API)
    single = {each.name: Tally() for each in clients}
    repeated = {each.name: Tally() for each in clients}
    details: dict[str, list] = {}
    for kind in kinds:
        for each in clients:
            positions = range(ONE_OF if each.module == "ours" and not runner.quick else 2)
            for position in positions:
                run = runner.fire(each, 100, prepare=_script([None] * position + [kind]))
                single[each.name].add(run)
                details.setdefault(each.name, []).append({"fault": kind, "request": position + 1, "run": describe(run)})
            run = runner.fire(each, long, prepare=_script([None, None, None, kind], repeat=True))
            repeated[each.name].add(run)
            details.setdefault(each.name, []).append({"fault": kind, "request": "every 4th", "run": describe(run)})
    return [
        _row("faults", f"each of {len(kinds)} faults after execution, one at a time, 100 entities", single, details),
        _row("faults every 4th", f"the same at every 4th request, {long:,} entities", repeated, {}),
    ]


def _row(key: str, what: str, tallies: dict[str, Tally], details: dict) -> Row:
    ours = tallies[OURS_VERIFIED.name]
    return Row(
        key=key,
        what=what,
        target="0 doubled, 0 lost, 0 left unknown",
        ours=f"{ours} in {ours.runs} runs with {ours.faults} faults",
        met=not (ours.doubled or ours.lost or ours.unknown or ours.raised) and ours.faults > 0,
        peers={name: str(tally) for name, tally in tallies.items() if name != OURS_VERIFIED.name},
        details=details,
        note="reset, JSON 500, HTML 502 and 503, cut body, empty 200, HTML 200",
    )


def _script(script: list[str | None], *, repeat: bool = False):
    def prepare(simulator: Simulator) -> None:
        simulator.post("/faults", {"script": script, "repeat": repeat})

    return prepare


def operating_limit(runner: Runner) -> list[Row]:
    """The budget of working time runs out in the middle of the list, and frees bit by bit.

    As at a portal it is counted in ten baskets, of which the oldest falls out; here of 2 s instead of a minute.
    """
    count, allowed, basket = (200, 5, 2) if not runner.quick else (20, 1, 0.2)

    def prepare(simulator: Simulator) -> None:
        simulator.post("/limits", {"operating": {"seconds": allowed, "basket_seconds": basket}})

    clients = runner.having(OURS_VERIFIED, LOOP, B24PYSDK, FAST, B24API)
    runs = runner.compete(clients, count, rounds=1, command_ms=110, prepare=prepare)
    ours = runs[OURS_VERIFIED.name]
    met = all(not (run.truth.lost or run.truth.doubled or run.said["done"] != count) for run in ours)
    return [
        Row(
            key="operating",
            what=f"operating limit mid-list: {count} entities of 0.11 s, {allowed} s allowed in {10 * basket:g} s",
            target="waits for the reset, finishes, 0 lost",
            ours=_outcome(ours, count),
            met=met,
            peers={each.name: _outcome(runs[each.name], count) for each in clients if each.module != "ours"},
            details=raw(runs),
        )
    ]


def slow_robots(runner: Runner) -> list[Row]:
    """Robots that work inside the request: 50 of them in a batch come near the portal's cut at 60 s."""
    count = runner.sized(100)
    clients = runner.having(OURS_VERIFIED, LOOP, B24PYSDK, FAST, B24API)
    runs = runner.compete(clients, count, rounds=1, command_ms=0, robot_seconds=SLOW_SECONDS)
    ours = runs[OURS_VERIFIED.name]
    met = all(run.wall <= 45 and run.truth.once == count and run.said["done"] == count for run in ours)
    return [
        Row(
            key="slow",
            what=f"{SLOW_SECONDS} s a trigger, {count} entities, verified",
            target="all done once, no time-out, <= 45 s",
            ours=_outcome(ours, count),
            met=None if runner.quick else met,
            peers={each.name: _outcome(runs[each.name], count) for each in clients if each.module != "ours"},
            details=raw(runs),
            note="A portal continues to execute a batch whose client has left. Lost are those that it never executed.",
        )
    ]


def _outcome(runs: list[Run], count: int) -> str:
    walls = spread([run.wall for run in runs], digits=1)
    once = min(run.truth.once for run in runs)
    return f"{once} of {count} once in {walls}, {flaws(runs)}".replace(", 0 refused", "")
