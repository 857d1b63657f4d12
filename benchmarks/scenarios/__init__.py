"""The scenarios, by the name that the command takes; each makes one or more rows of the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.scenarios import cost, entities, faults, lists, together

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.runner import Runner
    from benchmarks.table import Row

SCENARIOS: dict[str, Callable[[Runner], list[Row]]] = {
    "5000": lists.five_thousand,
    "1000": lists.one_thousand,
    "strict": lists.strict_reading,
    "2x2500": together.two_processes,
    "32x150": together.thirty_two_processes,
    "faults": faults.after_execution,
    "operating": faults.operating_limit,
    "slow": faults.slow_robots,
    "cpu": cost.cpu_per_entity,
    "call": cost.one_call,
    "import": cost.import_time,
    "memory": cost.peak_memory,
    "100000": cost.hundred_thousand,
    "find": entities.find,
    "update": entities.update,
}
ON_ANY_PORTAL = ("5000", "1000", "2x2500", "32x150", "import")
"""Scenarios that need no control over the portal."""
QUICK = ("5000", "2x2500", "faults", "cpu", "call", "import")
"""Scenarios that show whether the harness works; the others use the same parts."""
