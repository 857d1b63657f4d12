"""What a portal's limits cost, in virtual time: hosts that share nothing, and newer portals that ban.

The client's own flows and the simulator, without sockets and without waiting; every run gives the same figures::

    python -m benchmarks.limits [--seeds 3] [--only newer]
"""

from __future__ import annotations

import argparse
import logging
from dataclasses import dataclass
from math import ceil
from statistics import median
from typing import TYPE_CHECKING, Literal

from airflow_provider_bitrix24.client.errors import Bitrix24Error
from scripts.virtual_hosts import VirtualHosts, in_virtual_time

if TYPE_CHECKING:
    from collections.abc import Iterable

BURST, RATE = 50, 2.0
HOSTS_HEAD = """| hosts | verified | nothing shared: s (refused, gave up) | shared: s (refused) | floor |
|---|---|---|---|---|"""
NEWER_HEAD = """
| newer portal | processes | s | bans | failed | work, as part of what the limit allows |
|---|---|---|---|---|---|"""
Billed = Literal["credential", "portal", "nobody"]


@dataclass(frozen=True)
class Run:
    """One run, from the first request to the last answer."""

    seconds: float
    accepted: int
    refused: int
    gave_up: int
    bans: int

    @property
    def floor(self) -> float:
        """What the bucket, which leaks once a second, forces on anybody who sends as many requests, in seconds."""
        return max(0.0, ceil((self.accepted - BURST) / RATE))


def without_a_store(hosts: int, count: int, *, at_once: int | None, verify: bool, share: bool, seed: int) -> Run:
    """Let hosts fire at a portal that counts refused requests. A process takes a second to start."""

    async def scenario() -> Run:
        portal = VirtualHosts(share=share, seed=seed)
        portal.strict()
        portal.portal.latency.set(request_ms=20, command_ms=5)
        targets, gave_up = portal.deals(hosts * count), 0

        async def fire(number: int) -> None:
            nonlocal gave_up
            starts = 1.0 + 0.3 * portal.random.random()
            try:
                report = await portal.fire(targets[number * count :][:count], starts=starts, verify=verify)
                gave_up += report.failed > 0
            except Bitrix24Error:
                gave_up += 1

        await portal.together([fire(number) for number in range(hosts)], at_once)
        return _result(portal, gave_up)

    return in_virtual_time(scenario())


def newer_portal(count: int, robot: float, *, direct: bool, processes: int, billed_to: Billed) -> Run:
    """Fire triggers with slow robots at a portal with the limiter of September 2026."""

    async def scenario() -> Run:
        portal = VirtualHosts(share=True)
        portal.portal.operating.set_profile("2026-09")
        portal.portal.operating.commands_billed_to = billed_to
        if direct:
            portal.portal.settings.subscription = "missing"
        targets = portal.deals(count)
        portal.portal.add_robot("PREPARATION", seconds=robot)
        lists = [targets[number::processes] for number in range(processes)]
        reports = await portal.together([portal.fire(each, system=direct) for each in lists])
        return _result(portal, sum(report.failed for report in reports))

    return in_virtual_time(scenario())


def _result(hosts: VirtualHosts, gave_up: int) -> Run:
    refused = hosts.portal.limits.refused
    return Run(hosts.seconds, hosts.portal.request_log.total - refused, refused, gave_up, hosts.portal.operating.bans)


def _hosts(seeds: Iterable[int]) -> None:
    print(HOSTS_HEAD)
    for hosts, count, at_once in ((2, 2500, None), (3, 1000, None), (8, 1000, None), (200, 1, 16), (200, 1, 64)):
        for verify in (True, False):
            cells = []
            for share in (False, True):
                runs = [
                    without_a_store(hosts, count, at_once=at_once, verify=verify, share=share, seed=seed)
                    for seed in seeds
                ]
                seconds = median(run.seconds for run in runs)
                gave_up = "" if share else f", {sum(run.gave_up for run in runs)}"
                cells.append(f"{seconds:.0f} ({median(run.refused for run in runs):.0f}{gave_up})")
            some = f", {at_once} at once" if at_once else ""
            print(f"| {hosts} x {count:,}{some} | {verify} | {' | '.join(cells)} | {runs[0].floor:.0f} |", flush=True)


def _newer() -> None:
    print(NEWER_HEAD)
    cases: list[tuple[int, float, bool, int, Billed]] = [
        (1500, 0.8, False, 1, "credential"),
        (1500, 0.8, True, 1, "credential"),
        (10000, 0.15, False, 1, "credential"),
        (10000, 0.15, True, 1, "credential"),
        (1500, 0.8, False, 1, "portal"),
        (3000, 0.8, False, 1, "nobody"),
        (1200, 0.8, False, 8, "credential"),
        (8000, 0.15, False, 8, "credential"),
    ]
    for count, robot, direct, processes, billed_to in cases:
        run = newer_portal(count, robot, direct=direct, processes=processes, billed_to=billed_to)
        least = _least_seconds(count * robot * (0.5 if billed_to == "nobody" else 1.0), robot, processes, direct=direct)
        how = "direct" if direct else f"batched, commands billed to {billed_to}"
        print(
            f"| {count:,} x {robot} s, {how} | {processes} | {run.seconds:.0f} | {run.bans} | {run.gave_up} "
            f"| {least / run.seconds:.2f} |",
            flush=True,
        )


def _least_seconds(work: float, robot: float, processes: int, *, direct: bool) -> float:
    windows, rest = divmod(work, 420.0)
    if direct and robot * RATE * 600.0 <= 420.0:
        return work / robot / RATE - BURST / RATE  # the request limit is nearer
    return windows * 600.0 + rest / min(4.0 * processes, RATE * robot if direct else 32.0)


def main() -> None:
    """Measure and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="runs of each row (median); default: %(default)s")
    parser.add_argument("--only", choices=("hosts", "newer"), help="print one table")
    options = parser.parse_args()
    logging.getLogger("virtual_hosts").setLevel(logging.CRITICAL)
    if options.only != "newer":
        _hosts(range(1, options.seeds + 1))
    if options.only != "hosts":
        _newer()


if __name__ == "__main__":
    main()
