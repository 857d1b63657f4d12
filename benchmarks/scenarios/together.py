"""Several processes of one machine at once: the portal counts them together, so they have to share."""

from __future__ import annotations

from statistics import median

from benchmarks.runner import B24API, B24PYSDK, FAST, LOOP, OURS, Runner, spread
from benchmarks.scenarios.lists import LAST, peers_of
from benchmarks.table import Row, faultless, flaws, floor_seconds, raw, verdict


def two_processes(runner: Runner) -> list[Row]:
    """Two processes with a long list each."""
    return _together(runner, "2x2500", 2, runner.sized(2500), runner.rounds)


def thirty_two_processes(runner: Runner) -> list[Row]:
    """Thirty-two processes with a short list each, as mapped tasks would be."""
    return _together(runner, "32x150", 32 if not runner.quick else 4, runner.sized(150), runner.rounds)


def _together(runner: Runner, key: str, processes: int, count: int, rounds: int) -> list[Row]:
    batches = processes * -(-count // 50)
    floor = floor_seconds(batches, last=LAST)
    clients = runner.having(OURS, LOOP, B24PYSDK, FAST, B24API)
    ours = runner.compete([OURS], count, rounds=rounds, processes=processes)
    others = [each for each in clients if each is not OURS]
    runs = {**ours, **runner.compete(others, count, rounds=1, processes=processes)}
    walls = [run.wall for run in ours[OURS.name]]
    return [
        Row(
            key=key,
            what=f"{processes} processes x {count:,} at once, `verify=False`, first send to last answer",
            target=f"<= {1.10 * floor:.1f} s = 1.10 of their own floor of {floor:.1f} s, 0 refused",
            ours=f"{spread(walls)} = {median(walls) / floor:.3f} of it, {flaws(ours[OURS.name])}",
            met=verdict(sound=faultless(ours[OURS.name]), fast=median(walls) <= 1.10 * floor, quick=runner.quick),
            peers=peers_of(runs, others),
            details=raw(runs),
            note="Peers once.",
        )
    ]
