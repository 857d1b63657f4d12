"""Makes the virtual environments of the Makefile, `.ci/run` and the demo, with nothing but Python and an index.

    python scripts/environment.py --airflow 3.3 --groups test lint     # prints the environment's Python

An environment lies under ``.build/`` and is made once: it is made anew when the constraints, the metadata of
the package or the Python change. uv does the work because it is some ten times faster than pip; where there is
none it is installed from the index, and where that fails, pip serves. Standard library only.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build"
CONSTRAINTS = ROOT / "constraints"
NEWEST_AIRFLOW = "3.3"
OLDEST_PYTHON = (3, 11)
CLIENT_ONLY = "none"
"""In place of an Airflow line: an environment without Airflow, for the client and the simulator."""
LOWEST = "lowest"
"""In place of an Airflow line: the oldest versions of the direct dependencies that ``pyproject.toml`` allows."""
OLDEST_AIRFLOW = "2.11"

_PROVIDER = "airflow-provider-bitrix24"
_HEARTBEAT = 5.0
"""Seconds after which a step that takes long says that it is alive."""


class StepFailed(RuntimeError):
    """A command failed; the message holds the end of what it printed."""


def make(airflow: str = NEWEST_AIRFLOW, groups: Sequence[str] = ("test",)) -> Path:
    """Make an environment for this Python, unless it is there; returns the path of its Python.

    :param airflow: a line such as ``"3.3"``, or :data:`CLIENT_ONLY`.
    :param groups: dependency groups of ``pyproject.toml``.
    :raises StepFailed: installing failed.
    """
    if sys.version_info < OLDEST_PYTHON:
        raise StepFailed(f"This needs Python 3.11 or newer, not {sys.version.split()[0]}.")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    name = f"python{version}-" + ("client" if airflow == CLIENT_ONLY else f"airflow{airflow}")
    folder = BUILD / name
    python = folder / "bin" / "python"
    BUILD.mkdir(exist_ok=True)
    with _locked(BUILD / f"{name}.lock"):
        line = {CLIENT_ONLY: NEWEST_AIRFLOW, LOWEST: OLDEST_AIRFLOW}.get(airflow, airflow)
        constraints = constraints_file(line, version)
        if airflow == LOWEST:
            constraints = _without_direct(constraints)
        wanted = _requirements(airflow, groups)
        stamp = folder / "stamp"
        # Groups add up, so that `make lint` and `make test` share an environment and do not undo each other.
        stamped = _read_stamp(stamp)
        if (
            stamped.get("base") == _digest(constraints)
            and set(wanted) <= set(stamped["requirements"])
            and python.exists()
        ):
            return python
        if stamped.get("base") == _digest(constraints):
            wanted = [*dict.fromkeys([*stamped["requirements"], *wanted])]
        else:
            if Path(sys.prefix) == folder:
                raise StepFailed(f"{name} is out of date, and this program runs in it: run make again.")
            shutil.rmtree(folder, ignore_errors=True)
        _fill(folder, constraints, wanted, with_dependencies=airflow != CLIENT_ONLY, lowest=airflow == LOWEST)
        stamp.write_text(json.dumps({"base": _digest(constraints), "requirements": wanted}))
    return python


def constraints_file(airflow: str, python: str) -> Path:
    """Find the constraints of an Airflow line; for a Python newer than any file, those of the newest.

    :raises StepFailed: this Airflow does not run on this Python.
    """
    exact = CONSTRAINTS / f"airflow-{airflow}-python{python}.txt"
    if exact.exists():
        return exact
    others = sorted(CONSTRAINTS.glob(f"airflow-{airflow}-python3.*.txt"), key=_minor)
    if not others or (airflow != NEWEST_AIRFLOW) or int(python.split(".")[1]) < _minor(others[-1]):
        raise StepFailed(f"There are no constraints for Airflow {airflow} on Python {python}.")
    say(f"Airflow {airflow} on Python {python} is untried here; taking the versions of {others[-1].name}.")
    return others[-1]


def uv() -> Path | None:
    """Find uv, or install it under ``.build/``; ``None`` where that fails."""
    found = shutil.which("uv")
    if found:
        return Path(found)
    folder = BUILD / "uv"
    program = folder / "bin" / "uv"
    with _locked(BUILD / "uv.lock"):
        if program.exists():
            return program
        try:
            if importlib.util.find_spec("pip"):
                # Into a folder of its own: quicker than an environment, and as far from the user's Python.
                run([sys.executable, "-m", "pip", "install", "-q", "--target", str(folder), "uv"], "Installing uv")
            else:
                run([sys.executable, "-m", "venv", "--clear", str(folder)], "Making an environment for uv")
                run([str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "uv"], "Installing uv")
        except StepFailed as error:
            say(f"uv cannot be installed, so pip does the work.\n{error}")
            return None
    return program


def run(command: Sequence[str], what: str, *, env: dict[str, str] | None = None) -> None:
    """Run a command quietly and say every few seconds that it is alive.

    :raises StepFailed: it failed.
    """
    say(f"{what} ...")
    begun = time.monotonic()
    log = BUILD / "last-step.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=env, cwd=ROOT)
        try:
            while True:
                try:
                    code = process.wait(_HEARTBEAT)
                    break
                except subprocess.TimeoutExpired:
                    say(f"  still at it ({time.monotonic() - begun:.0f} s)")
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if code:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-30:])
        raise StepFailed(f"{what}: failed with status {code}.\n{tail}")


def metadata() -> dict[str, Any]:
    """Read ``pyproject.toml``."""
    import tomllib  # an older Python shall get as far as being told that it is too old

    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def clean_variables() -> dict[str, str]:
    """The environment variables for a program that shall be ours alone.

    Settings of the user's own Airflow or Python would reach into it; without a byte code cache Airflow starts
    three times slower; and a proxy is of no use for loopback addresses.
    """
    unwanted = ("AIRFLOW", "_AIRFLOW", "PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    return {**kept, "NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}


def say(line: str) -> None:
    """Tell the person at the terminal; standard output belongs to results."""
    print(line, file=sys.stderr, flush=True)


def _fill(
    folder: Path, constraints: Path, requirements: Sequence[str], *, with_dependencies: bool, lowest: bool
) -> None:
    installer = uv()
    if lowest and not installer:
        raise StepFailed("The oldest dependencies are found with uv, which is not there.")
    provider = f"{ROOT}[simulator]" if with_dependencies else str(ROOT)
    # Without its dependencies, since these name Airflow; what it needs instead is among the requirements.
    steps = [[*requirements, "-e", provider]] if with_dependencies else [[*requirements], ["--no-deps", "-e", provider]]
    what = f"Installing {_headline(constraints, with_dependencies=with_dependencies)}"
    if installer:
        env = {**os.environ, "VIRTUAL_ENV": str(folder), **_index_of_pip()}
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        if not (folder / "bin" / "python").exists():
            run([str(installer), "venv", "--python", sys.executable, str(folder)], "Making an environment", env=env)
        install = [str(installer), "pip", "install", "--compile-bytecode"]
        install += ["--resolution", "lowest-direct"] if lowest else []
    else:
        env = None
        run([sys.executable, "-m", "venv", str(folder)], "Making an environment")
        install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    for step in steps:
        run([*install, "-c", str(constraints), *step], what, env=env)


def _requirements(airflow: str, groups: Sequence[str]) -> list[str]:
    project_file = metadata()
    found = [requirement for group in groups for requirement in project_file["dependency-groups"][group]]
    if airflow == CLIENT_ONLY:
        project = project_file["project"]
        found += [each for each in project["dependencies"] if not each.startswith("apache-airflow")]
        found += project["optional-dependencies"]["simulator"]
    return found


def _without_direct(constraints: Path) -> Path:
    """The constraints less the direct dependencies, so that these can be as old as they may."""
    project = metadata()["project"]
    direct = [*project["dependencies"], *project["optional-dependencies"]["simulator"]]
    names = {re.match(r"[A-Za-z0-9-]+", each)[0] for each in direct}
    kept = [line for line in constraints.read_text().splitlines() if line.partition("==")[0] not in names]
    loosened = BUILD / f"{constraints.stem}-lowest.txt"
    loosened.write_text("\n".join(kept) + "\n")
    return loosened


def _headline(constraints: Path, *, with_dependencies: bool) -> str:
    versions = dict(re.findall(r"^([a-z0-9-]+)==(\S+)$", constraints.read_text(), flags=re.MULTILINE))
    airflow = f"Airflow {versions.get('apache-airflow', 'and the oldest dependencies')}"
    return airflow if with_dependencies else "the client without Airflow"


def _digest(constraints: Path) -> str:
    project = metadata()["project"]
    parts = [sys.version, str(ROOT), constraints.read_text(), json.dumps(project, sort_keys=True)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _read_stamp(path: Path) -> dict[str, list[str]]:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return {}


def _index_of_pip() -> dict[str, str]:
    """Tell uv of the index that pip is set to, since uv reads no settings of pip."""
    if any(name in os.environ for name in ("UV_INDEX_URL", "UV_DEFAULT_INDEX")):
        return {}
    asked = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False)
    found = re.search(r"^(?::env:|global|install)\.index-url='([^']+)'", asked.stdout, flags=re.MULTILINE)
    return {"UV_DEFAULT_INDEX": found[1]} if found else {}


def _minor(constraints: Path) -> int:
    return int(constraints.stem.rpartition("python3.")[2])


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one process at a time make an environment."""
    BUILD.mkdir(exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def main(arguments: Sequence[str] | None = None) -> int:
    """Make an environment and print the path of its Python."""
    parser = argparse.ArgumentParser(prog="environment.py", description="Make an environment under .build/.")
    lines = f"a line, {CLIENT_ONLY} or {LOWEST} (default: %(default)s)"
    parser.add_argument("--airflow", default=NEWEST_AIRFLOW, help=lines)
    parser.add_argument("--groups", nargs="*", default=["test"], help="dependency groups (default: %(default)s)")
    options = parser.parse_args(arguments)
    try:
        print(make(options.airflow, options.groups))
    except StepFailed as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
