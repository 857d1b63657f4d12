"""Runs all checks that need no test: ruff, mypy, the import contracts, spelling. ``make lint`` calls it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from environment import ROOT, say

BIN = Path(sys.executable).parent
CHECKS = (
    "ruff check .",
    "ruff format --check .",
    "mypy",
    "mypy tests/typing",  # what is told of code that uses the package
    "lint-imports",
    "codespell",
)


def main() -> int:
    """Run every check, also after one has failed; returns 1 if any did."""
    failed = []
    for line in CHECKS:
        say(f"\n$ {line}")
        program, *arguments = line.split()
        if subprocess.run([str(BIN / program), *arguments], cwd=ROOT, check=False).returncode:
            failed.append(line)
    if failed:
        say(f"\nFailed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
