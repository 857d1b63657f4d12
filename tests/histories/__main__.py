"""Live many histories: ``python -m tests.histories --count 20000``; or tell one: ``--tell SEED``."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
from typing import TYPE_CHECKING

# Airflow reads its environment when it is imported.
from tests.histories import environment  # noqa: F401
from tests.histories.mutant_runs import hunt_all, live_with

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.histories.draw import Of
    from tests.histories.runner import Tally

_SHOWN = 10


def main() -> int:
    """Run; returns 1 if an invariant does not hold, or a mutant is not found."""
    arguments = _parser().parse_args()
    if arguments.live_with:
        order = json.load(sys.stdin)
        told = live_with(order["name"], order["first"], order["count"], set(order["skipped"]))
        print(json.dumps(told))
        return 0
    processes = arguments.processes or os.cpu_count() or 1
    if arguments.tell is not None:
        print(_told(arguments.tell, arguments.of, small=arguments.shrink))
        return 0
    first = secrets.randbelow(2**40) if arguments.seed == "fresh" else int(arguments.seed)
    if arguments.mutants:
        return _hunt(first, arguments.count, processes)

    from tests.histories.runner import live_many

    heard = _heard(keep_going=arguments.keep_going)
    return _report(first, live_many(first, arguments.count, processes, heard, arguments.of), arguments.of)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.histories", description=__doc__)
    parser.add_argument("--count", type=int, default=1_000, help="how many histories")
    parser.add_argument("--seed", default="0", help="seed of the first one, or 'fresh'")
    parser.add_argument("--of", choices=("triggers", "updates"), default="triggers", help="what the tasks do")
    parser.add_argument("--processes", type=int, default=0, help="how many processes; by default one for each core")
    parser.add_argument("--keep-going", action="store_true", help="do not stop at the first that fails")
    parser.add_argument("--tell", type=int, metavar="SEED", help="tell one history instead")
    parser.add_argument("--shrink", action="store_true", help="make the told one as small as it fails")
    parser.add_argument("--mutants", action="store_true", help="see whether faults made by hand are found")
    parser.add_argument("--live-with", action="store_true", help=argparse.SUPPRESS)
    return parser


def _told(seed: int, of: Of, *, small: bool) -> str:
    from tests.histories.draw import history_of
    from tests.histories.seams import installed
    from tests.histories.shrink import shrink
    from tests.histories.story import story

    with installed():
        return story(shrink(seed, of) if small else history_of(seed, of))


def _hunt(first: int, count: int, processes: int) -> int:
    found = hunt_all(first, count, processes)
    for each in found:
        what = f"found after {each.histories} histories (seed {each.seed}): {each.why}" if each.why else "NOT FOUND"
        print(f"{each.name}: {what}")
    missed = sum(not each.why for each in found)
    print(f"{len(found) - missed} of {len(found)} mutants were found within {count} histories.")
    return int(missed > 0)


def _heard(*, keep_going: bool) -> Callable[[Tally], bool]:
    def heard(tally: Tally) -> bool:
        if sys.stderr.isatty():
            print(f"\r{tally.histories} histories, {len(tally.failures)} fail", end="", file=sys.stderr, flush=True)
        return keep_going or not tally.failures

    return heard


def _report(first: int, tally: Tally, of: Of) -> int:
    print(
        f"{tally.histories} histories from seed {first}: {tally.tries} stays in a worker, {tally.requests} requests, "
        f"{tally.seconds:.0f} s, {len(tally.failures)} violated an invariant."
    )
    excused = ", ".join(f"{name} {count}" for name, count in sorted(tally.excused.items())) or "none"
    print(f"Named exceptions needed: {excused}.")
    for seed, found in list(tally.failures.items())[:_SHOWN]:
        print(f"  seed {seed}: {'; '.join(found[:3])}")
    if not tally.failures:
        return 0
    smallest = min(tally.failures)
    print(f"\nThe history of seed {smallest}, made as small as it fails:\n")
    print(_told(smallest, of, small=True))
    return 1


if __name__ == "__main__":
    sys.exit(main())
