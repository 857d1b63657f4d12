"""Resolves the dependencies anew and writes the files of ``constraints/``; run it with ``make constraints``.

One file per Airflow line and Python, each line ``name==version``: the newest versions that fit, as of today for
the lines that still get releases. A line that gets no more is resolved as of the days after its last release,
since the newest versions of its libraries break it (Airflow 3.0 and 3.2 do not run with pydantic 2.14).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scripts.environments import CONSTRAINTS, metadata, uv
from scripts.terminal import ROOT, say

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Line:
    """An Airflow line: on which Pythons it runs, and the day as of which it is resolved."""

    airflow: str
    pythons: tuple[str, ...]
    as_of: str | None = None


LINES = (
    Line("2.11", ("3.11", "3.12")),
    Line("3.0", ("3.11", "3.12"), as_of="2025-09-15"),
    Line("3.1", ("3.11", "3.12", "3.13"), as_of="2026-03-31"),
    Line("3.2", ("3.11", "3.12", "3.13"), as_of="2026-06-15"),
    Line("3.3", ("3.11", "3.12", "3.13", "3.14")),
)


def main() -> int:
    """Write all files; returns 1 where one could not be resolved."""
    program = uv()
    if program is None:
        say("uv is needed to resolve.")
        return 1
    failed = 0
    for line in LINES:
        for python in line.pythons:
            target = CONSTRAINTS / f"airflow-{line.airflow}-python{python}.txt"
            say(f"{target.name} ...")
            failed |= _resolve(program, line, python, target)
    return failed


def _resolve(program: Path, line: Line, python: str, target: Path) -> int:
    command = [str(program), "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--no-emit-index-url"]
    command += ["--upgrade", "--python-version", python, "--no-emit-package", "airflow-provider-bitrix24"]
    command += ["--all-extras", *(f"--group={name}" for name in metadata()["dependency-groups"])]
    if line.as_of:
        command += ["--exclude-newer", line.as_of]
    with tempfile.NamedTemporaryFile("w", suffix=".in") as pin:
        pin.write(f"apache-airflow~={line.airflow}.0\n")
        pin.flush()
        return subprocess.run(
            [*command, "--output-file", str(target), "--constraint", pin.name, "pyproject.toml"],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            check=False,
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
