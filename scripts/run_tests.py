"""Runs the tests and holds the coverage gates: the client at 98 %, everything at 95 %, branches counted.

``make test`` calls it. Arguments are pytest's; with any, only the tests run and no gate is held.

What meets Airflow and what does not run as two processes at once: that halves the time, and what Airflow does to
a process that imports it (to its logging, say) stays away from the client's tests.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts import processes
from scripts.environments import clean_variables
from scripts.terminal import ROOT, say

GATES = (
    ("airflow_provider_bitrix24/client/*", 98),
    ("airflow_provider_bitrix24/*", 95),
)
"""Files -> the least per cent of lines and branches that the tests have to reach."""
_HEARTBEAT = 10.0
"""Seconds."""
WITHOUT_AIRFLOW = ("tests/client", "tests/simulator")
WITH_AIRFLOW = ("tests", *(f"--ignore={path}" for path in WITHOUT_AIRFLOW))


def main(arguments: list[str]) -> int:
    """Run pytest, then the gates; returns an exit status."""
    with tempfile.TemporaryDirectory(prefix="bitrix24-tests-") as folder:
        home = Path(folder)
        env = clean_variables() | {"AIRFLOW_HOME": folder}
        if arguments:
            return subprocess.run([*_pytest(), *arguments], cwd=ROOT, env=env, check=False).returncode
        code = _run_both(env, home)
        if code:
            return code
        env["COVERAGE_FILE"] = str(ROOT / ".coverage")
        _coverage("combine", "--quiet", *(str(path) for path in home.glob("coverage-*")), env=env)
        return max(_gate(files, least, env) for files, least in GATES)


def _run_both(env: dict[str, str], home: Path) -> int:
    options = ["--cov", "--cov-report="]
    log = home / "without-airflow.log"
    other = processes.start(
        [*_pytest(), *options, *WITHOUT_AIRFLOW],
        env=env | {"COVERAGE_FILE": str(home / "coverage-without")},
        log=log,
        cwd=ROOT,
    )
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(processes.stop, other)
        code = subprocess.run(
            [*_pytest(), *options, *WITH_AIRFLOW],
            cwd=ROOT,
            env=env | {"COVERAGE_FILE": str(home / "coverage-with")},
            check=False,
        ).returncode
        say("\nClient and simulator, which ran meanwhile:")
        while other.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                other.wait(timeout=_HEARTBEAT)
                break
            say("  still at it")
    print(log.read_text(errors="replace"), flush=True)
    return code or other.returncode


def _gate(files: str, least: int, env: dict[str, str]) -> int:
    say(f"\nCoverage of {files}: at least {least} %")
    return _coverage("report", f"--include={files}", f"--fail-under={least}", env=env)


def _coverage(*arguments: str, env: dict[str, str]) -> int:
    return subprocess.run([sys.executable, "-m", "coverage", *arguments], cwd=ROOT, env=env, check=False).returncode


def _pytest() -> list[str]:
    return [sys.executable, "-m", "pytest"]


if __name__ == "__main__":
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.exit(main(sys.argv[1:]))
