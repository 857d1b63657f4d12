"""What hostile answers cost a client: its process's peak memory, and time, for both drivers.

python -m benchmarks.worst_answers [--read-timeout 10]
"""

from __future__ import annotations

import argparse

from tests.support.answer_cost import measure
from tests.support.hostile_server import FLOODS, HUGE, LARGE, SLOW, of_length
from tests.support.misbehaving_server import PATH, MisbehavingServer


def main() -> None:
    """Measure each answer in a process of its own and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--read-timeout", type=float, default=5.0, help="seconds; slow answers go on for 10")
    read_timeout = parser.parse_args().read_timeout
    print("| answer | driver | outcome | s | peak MB |\n|---|---|---|---|---|")
    made = {name: of_length(make(), head) for name, (head, make) in {**LARGE, **HUGE}.items()}
    for group, behaviours in (("slow: ", SLOW), ("flood: ", FLOODS), ("large: ", made)):
        for name, behave in behaviours.items():
            for kind in ("sync", "async"):
                with MisbehavingServer(behave) as server:
                    url = f"http://127.0.0.1:{server.port}/{PATH}/"
                    [cost] = measure(kind, [url], read_timeout=read_timeout)
                print(
                    f"| {group}{name} | {kind} | {cost['error']} | {cost['seconds']:.1f} | {cost['peak']} |", flush=True
                )


if __name__ == "__main__":
    main()
