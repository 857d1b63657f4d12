"""The command: ``python -m benchmarks``."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import machine, report
from benchmarks.environments import HERE, Environments, preferred_python
from benchmarks.other_portal import OtherPortal
from benchmarks.runner import B24API, B24PYSDK, FAST, LOOP, Runner
from benchmarks.scenarios import ON_ANY_PORTAL, QUICK, SCENARIOS

if TYPE_CHECKING:
    from benchmarks.table import Row

PEERS = {"loop": LOOP, "b24pysdk": B24PYSDK, "fast-bitrix24": FAST, "b24api": B24API}
QUICK_SCALE = 50


def main() -> int:
    """Measure, and write the results."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that simulators and clients are ended, too
    options = _parser().parse_args()
    runner = _runner(options)
    usual = QUICK if options.quick else SCENARIOS if runner.other is None else ON_ANY_PORTAL
    wanted = options.scenarios.split(",") if options.scenarios else list(usual)
    if unknown := sorted(set(wanted) - set(SCENARIOS)):
        print(f"unknown scenario {', '.join(unknown)}; there are {', '.join(SCENARIOS)}", file=sys.stderr)
        return 2
    if runner.other is not None and (refused := sorted(set(wanted) - set(ON_ANY_PORTAL))):
        print(f"{', '.join(refused)} needs control over the portal; leave out --portal", file=sys.stderr)
        return 2
    begun = time.monotonic()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) if options.quick else options.output
        described = machine.describe(runner.environments.python("ours"))
        context = report.about(runner.environments, described, _portal(options), _used(runner))
        for name in wanted:
            print(f"{name} ...", file=sys.stderr, flush=True)
            rows += SCENARIOS[name](runner)
            report.write(folder, rows, context, list(SCENARIOS))
        if not options.quick:
            report.plot(folder, runner.environments)
        print((folder / "table.md").read_text(encoding="utf-8"))
    print(f"{time.monotonic() - begun:.0f} s", file=sys.stderr)
    missed = [row.key for row in rows if row.met is False]
    if missed:
        print(f"not met: {', '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


def _runner(options: argparse.Namespace) -> Runner:
    environments = Environments(base=options.python or preferred_python(), single=options.quick)
    chosen = "loop" if options.quick else options.peers
    peers = tuple(PEERS[name] for name in chosen.split(",") if name)
    other = None
    if options.portal and not options.portal.startswith("https"):
        peers = tuple(each for each in peers if each is not B24PYSDK)  # it speaks https only
    if options.portal:
        first, _, last = options.ids.partition("-")
        other = OtherPortal(options.portal, (int(first), int(last)), options.code, options.ca_file)
    return Runner(
        environments,
        peers=peers,
        rounds=1 if options.quick else options.rounds,
        scale=QUICK_SCALE if options.quick else 1,
        other=other,
    )


def _portal(options: argparse.Namespace) -> str:
    if options.portal:
        return "one that was given by its address; refused requests are not known"
    return (
        "the simulator over TLS, bucket of 50 requests and 2 a second, 20 ms a request and 5 ms a command, "
        "unless said otherwise"
    )


def _used(runner: Runner) -> list[str]:
    return list(dict.fromkeys(["ours", *(each.environment for each in runner.peers)]))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure the client beside its peers.")
    parser.add_argument("--scenarios", help=f"some of {','.join(SCENARIOS)} (default: all)")
    parser.add_argument("--peers", default=",".join(PEERS), help="what is measured beside ours (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="repetitions of each pairing (default: %(default)s)")
    parser.add_argument("--python", help="interpreter for all environments (default: 3.12 where it is found)")
    parser.add_argument("--output", type=Path, default=HERE / "results", help="where results go")
    parser.add_argument(
        "--quick", action="store_true", help="small lists, no peers, no environments: does the harness work?"
    )
    parser.add_argument("--portal", help="webhook URL of another portal to measure instead of the simulator")
    parser.add_argument(
        "--ids", default="1-100000", help="that portal's deals that may be moved (default: %(default)s)"
    )
    parser.add_argument("--code", default="bench", help="code of its automation trigger (default: %(default)s)")
    parser.add_argument("--ca-file", help="authority of that portal's certificate")
    return parser


if __name__ == "__main__":
    sys.exit(main())
