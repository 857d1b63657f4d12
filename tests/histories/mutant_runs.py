"""Runs each mutant in a process of its own until a history fails that holds without it."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.histories.mutants import MUTANTS, load_with
from tests.histories.timeline import EndlessError


@dataclass(frozen=True, slots=True)
class Found:
    """What came of one mutant: how many histories until the first that fails, and why; or that none did."""

    name: str
    histories: int
    seed: int | None
    why: str = ""


def hunt_all(first: int, count: int, processes: int) -> list[Found]:
    """Look for every mutant, several at once."""
    unsound = set(_run("", first, count)["failing"])
    with ThreadPoolExecutor(processes) as pool:
        return list(pool.map(lambda each: _found(each.name, _run(each.name, first, count, unsound)), MUTANTS))


def live_with(name: str, first: int, count: int, skipped: set[int]) -> dict[str, object]:
    """Live histories in this process, with a fault if one is named; stop at the first failure then.

    :param skipped: seeds that fail anyway.
    """
    if name:
        load_with(name)
    from tests.histories.draw import history_of
    from tests.histories.runner import live
    from tests.histories.seams import installed

    failing: list[int] = []
    with installed():
        for lived, seed in enumerate(range(first, first + count), 1):
            if seed in skipped:
                continue
            try:
                wrong = [str(each) for each in live(history_of(seed)).verdict.violations]
            except EndlessError as error:
                wrong = [f"I5: {error}"]
            if wrong:
                failing.append(seed)
                if name:
                    return {"failing": failing, "histories": lived, "why": wrong[0]}
    return {"failing": failing, "histories": count, "why": ""}


def _run(name: str, first: int, count: int, skipped: set[int] | None = None) -> dict[str, object]:
    order = json.dumps({"name": name, "first": first, "count": count, "skipped": sorted(skipped or ())})
    command = [sys.executable, "-m", "tests.histories", "--live-with"]
    ran = subprocess.run(command, input=order, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(ran.stderr)
    told: dict[str, object] = json.loads(ran.stdout.splitlines()[-1])
    return told


def _found(name: str, told: dict[str, object]) -> Found:
    failing = told["failing"]
    seed = failing[0] if isinstance(failing, list) and failing else None
    return Found(name, int(str(told["histories"])), seed, str(told["why"]))
