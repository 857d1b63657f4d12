"""Live many histories: ``python -m tests.histories --count 20000``; or tell one: ``--tell SEED``."""

from __future__ import annotations

import argparse
import secrets
import sys

# Airflow reads its environment when it is imported.
from tests.histories import environment  # noqa: F401
from tests.histories.draw import history_of
from tests.histories.plan import History  # noqa: TC001
from tests.histories.runner import Tally, live_many
from tests.histories.seams import installed
from tests.histories.shrink import shrink
from tests.histories.story import story

_SHOWN = 10


def main() -> int:
    """Run; returns 1 if an invariant does not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.histories", description=__doc__)
    parser.add_argument("--count", type=int, default=1_000, help="how many histories")
    parser.add_argument("--seed", default="0", help="seed of the first one, or 'fresh'")
    parser.add_argument("--processes", type=int, default=1, help="how many processes")
    parser.add_argument("--keep-going", action="store_true", help="do not stop at the first that fails")
    parser.add_argument("--tell", type=int, metavar="SEED", help="tell one history instead")
    parser.add_argument("--shrink", action="store_true", help="make the told one as small as it fails")
    arguments = parser.parse_args()
    if arguments.tell is not None:
        print(_told(arguments.tell, small=arguments.shrink))
        return 0
    first = secrets.randbelow(2**40) if arguments.seed == "fresh" else int(arguments.seed)
    tally = live_many(first, arguments.count, arguments.processes, _heard(keep_going=arguments.keep_going))
    return _report(first, tally)


def _told(seed: int, *, small: bool) -> str:
    with installed():
        history: History = shrink(seed) if small else history_of(seed)
        return story(history)


def _heard(*, keep_going: bool):
    def heard(tally: Tally) -> bool:
        if sys.stderr.isatty():
            print(f"\r{tally.histories} histories, {len(tally.failures)} fail", end="", file=sys.stderr, flush=True)
        return keep_going or not tally.failures

    return heard


def _report(first: int, tally: Tally) -> int:
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
    print(_told(smallest, small=True))
    return 1


if __name__ == "__main__":
    sys.exit(main())
