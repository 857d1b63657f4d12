"""Runs the tests and holds the coverage gates: the client at 98 %, everything at 95 %, branches counted.

``make test`` calls it. Arguments are pytest's; with any, only the tests run and no gate is held.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from environment import ROOT, clean_variables, say

GATES = (
    ("airflow_provider_bitrix24/client/*", 98),
    ("airflow_provider_bitrix24/*", 95),
)
"""Files -> the least per cent of lines and branches that the tests have to reach."""


def main(arguments: list[str]) -> int:
    """Run pytest, then the gates; returns an exit status."""
    with tempfile.TemporaryDirectory(prefix="bitrix24-tests-") as home:
        env = clean_variables() | {"AIRFLOW_HOME": home}
        pytest = [sys.executable, "-m", "pytest"]
        if arguments:
            return subprocess.run([*pytest, *arguments], cwd=ROOT, env=env, check=False).returncode
        _forget_coverage()
        env["COVERAGE_FILE"] = str(ROOT / ".coverage")
        code = subprocess.run([*pytest, "--cov", "--cov-report="], cwd=ROOT, env=env, check=False).returncode
        if code:
            return code
        return max(_gate(files, least, env) for files, least in GATES)


def _gate(files: str, least: int, env: dict[str, str]) -> int:
    say(f"\nCoverage of {files}: at least {least} %")
    command = [sys.executable, "-m", "coverage", "report", f"--include={files}", f"--fail-under={least}"]
    return subprocess.run(command, cwd=ROOT, env=env, check=False).returncode


def _forget_coverage() -> None:
    for left in Path(ROOT).glob(".coverage*"):
        if left.is_file():
            left.unlink()


if __name__ == "__main__":
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.exit(main(sys.argv[1:]))
