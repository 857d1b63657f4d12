"""Lives histories, one or many, and says which of them do not hold."""

from __future__ import annotations

import random
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat
from multiprocessing import get_context
from typing import TYPE_CHECKING

from tests.histories.airflow_model import Life
from tests.histories.checker import Verdict, check
from tests.histories.draw import history_of
from tests.histories.seams import STAGE, installed
from tests.histories.timeline import EndlessError
from tests.histories.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.histories.draw import Of
    from tests.histories.plan import History

_AT_ONCE = 200
"""Histories that a process lives before it reports."""


@dataclass(frozen=True, slots=True)
class Lived:
    """A history that was lived: what came of it and what the checker says."""

    history: History
    life: Life
    verdict: Verdict


@dataclass(slots=True)
class Tally:
    """What many histories came to. ``failures``: seed -> what does not hold."""

    histories: int = 0
    tries: int = 0
    requests: int = 0
    seconds: float = 0.0
    failures: dict[int, list[str]] = field(default_factory=dict)
    excused: Counter[str] = field(default_factory=Counter)
    """How many histories needed each of the named exceptions."""

    def add(self, other: Tally) -> None:
        """Add another one to this."""
        self.histories += other.histories
        self.tries += other.tries
        self.requests += other.requests
        self.failures |= other.failures
        self.excused += other.excused


def live(history: History, tell: Callable[[float, str], None] | None = None) -> Lived:
    """Live a history; the seams are in (:func:`.seams.installed`).

    :param tell: told everything that happens, with the time.
    """
    random.seed(history.seed)
    world = World.of(history, tell)
    STAGE.world = world
    life, crash = Life(world), None
    try:
        life.live()
    except EndlessError as error:
        crash = error
    return Lived(history, life, check(life, crash))


def live_seeds(seeds: Iterable[int], of: Of = "triggers") -> Tally:
    """Live the histories of some seeds, in this process."""
    tally = Tally()
    with installed():
        for seed in seeds:
            lived = live(history_of(seed, of))
            tally.histories += 1
            tally.tries += len(lived.life.stays)
            tally.requests += lived.life.world.portal.requests
            tally.excused.update(set(lived.verdict.excused))
            if lived.verdict.violations:
                tally.failures[seed] = [str(each) for each in lived.verdict.violations]
    return tally


def live_many(first: int, count: int, processes: int, heard: Callable[[Tally], bool], of: Of = "triggers") -> Tally:
    """Live the histories of ``count`` seeds from ``first`` on, in several processes.

    :param heard: told the sum now and then; whether to go on.
    """
    began = time.perf_counter()
    total = Tally()
    for part in _parts(first, count, processes, of):
        total.add(part)
        total.seconds = time.perf_counter() - began
        if not heard(total):
            break
    return total


def _parts(first: int, count: int, processes: int, of: Of) -> Iterator[Tally]:
    pieces = [range(start, min(start + _AT_ONCE, first + count)) for start in range(first, first + count, _AT_ONCE)]
    if processes <= 1:
        yield from map(live_seeds, pieces, repeat(of))
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        try:
            yield from pool.map(live_seeds, pieces, repeat(of))
        finally:
            pool.shutdown(cancel_futures=True)
