"""Several processes of one machine at once: the portal counts them together, so they have to share."""

from __future__ import annotations

from statistics import median

from benchmarks.lab import B24API, B24PYSDK, FAST, LOOP, OURS, Lab, spread
from benchmarks.rows.lists import LAST, peers_of
from benchmarks.table import Row, faultless, flaws, floor_seconds, raw, verdict


def two_processes(lab: Lab) -> list[Row]:
    """Two processes with a long list each."""
    return _together(lab, "2x2500", 2, lab.sized(2500), lab.rounds)


def thirty_two_processes(lab: Lab) -> list[Row]:
    """Thirty-two processes with a short list each, as mapped tasks would be."""
    return _together(lab, "32x150", 32 if not lab.quick else 4, lab.sized(150), lab.rounds)


def _together(lab: Lab, key: str, processes: int, count: int, rounds: int) -> list[Row]:
    batches = processes * -(-count // 50)
    floor = floor_seconds(batches, last=LAST)
    contenders = lab.having(OURS, LOOP, B24PYSDK, FAST, B24API)
    ours = lab.compete([OURS], count, rounds=rounds, processes=processes)
    others = [each for each in contenders if each is not OURS]
    runs = {**ours, **lab.compete(others, count, rounds=1, processes=processes)}
    walls = [run.wall for run in ours[OURS.name]]
    return [
        Row(
            key=key,
            what=f"{processes} processes x {count:,} at once, `verify=False`, first send to last answer",
            reach=f"<= {1.10 * floor:.1f} s = 1.10 of their own floor of {floor:.1f} s, 0 refused",
            ours=f"{spread(walls)} = {median(walls) / floor:.3f} of it, {flaws(ours[OURS.name])}",
            met=verdict(sound=faultless(ours[OURS.name]), fast=median(walls) <= 1.10 * floor, quick=lab.quick),
            peers=peers_of(runs, others),
            details=raw(runs),
            note="Peers once.",
        )
    ]
