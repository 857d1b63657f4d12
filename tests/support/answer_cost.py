"""A client in a process of its own that calls hostile portals and reports what each answer costs it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.support.misbehaving_server import send

ROOT = Path(__file__).parents[2]


def measure(kind: str, urls: list[str], *, read_timeout: float, together: int = 1) -> list[dict[str, Any]]:
    """Call each URL in a fresh process; returns error, seconds and the process's peak memory (MB) so far.

    :param together: how many requests are sent to a URL at once.
    """
    command = [sys.executable, "-m", "tests.support.answer_cost", kind, str(read_timeout), str(together), *urls]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def peak_megabytes() -> float:
    """What the kernel counts, without what the parent held when it started this process."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _call(kind: str, url: str, read_timeout: float, together: int) -> dict[str, Any]:
    begun = time.monotonic()
    outcomes = send(kind, url, together=together, read_timeout=read_timeout)
    return {
        "error": type(outcomes[0].reply).__name__,
        "message": getattr(outcomes[0].reply, "message", ""),
        "seconds": round(time.monotonic() - begun, 2),
        "peak": round(peak_megabytes()),
    }


if __name__ == "__main__":
    _, driver, timeout, count, *addresses = sys.argv
    print(json.dumps([_call(driver, each, float(timeout), int(count)) for each in addresses]))
