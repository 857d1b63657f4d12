"""Makes virtual environments with nothing but Python and a package index, for the Makefile, `.ci/run` and benchmarks.

    python -m scripts.environments --airflow 3.3 --groups test lint     # prints the environment's Python

An environment is made under ``.build/`` when it is first needed, and again when the constraints, the metadata of the
package or the Python have changed. uv does the work because it is some ten times faster than pip; where there is
none it is installed from the index, and where that fails, pip does the work. Standard library only. The version
matrix has environments of its own, which nox makes.
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
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.terminal import BUILD, ROOT, StepFailed, run, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CONSTRAINTS = ROOT / "constraints"
NEWEST_AIRFLOW = "3.3"
OLDEST_PYTHON = (3, 11)
CLIENT_ONLY = "none"
"""In place of an Airflow line: an environment without Airflow, for the client and the simulator."""


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
        constraints = constraints_file(NEWEST_AIRFLOW if airflow == CLIENT_ONLY else airflow, version)
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
        _fill(folder, constraints, wanted, with_dependencies=airflow != CLIENT_ONLY)
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


def metadata() -> dict[str, Any]:
    """Read ``pyproject.toml``."""
    import tomllib  # an older Python has to get as far as the message that it is too old

    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def clean_variables() -> dict[str, str]:
    """Return the environment variables for a program of our own.

    Settings of the user's own Airflow or Python would reach into it; without a byte code cache Airflow starts
    three times slower; and a proxy is of no use for loopback addresses.
    """
    unwanted = ("AIRFLOW", "_AIRFLOW", "PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    return {**kept, "NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}


def install(folder: Path, python: str, what: str, *arguments: str) -> None:
    """Install packages into an environment, which is made if it is not there.

    :param python: the interpreter of a new environment.
    :param what: words for the person who waits.
    :param arguments: those of ``pip install``.
    :raises StepFailed: it failed.
    """
    inside = folder / "bin" / "python"
    if installer := uv():
        env = {**os.environ, "VIRTUAL_ENV": str(folder), **index_of_pip()}
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        if not inside.exists():
            run([str(installer), "venv", "--python", python, str(folder)], "Making an environment", env=env)
        run([str(installer), "pip", "install", "--compile-bytecode", *arguments], what, env=env)
        return
    if not inside.exists():
        run([python, "-m", "venv", str(folder)], "Making an environment")
    run([str(inside), "-m", "pip", "install", "--quiet", *arguments], what)


def find_python(version: str) -> str | None:
    """Find a Python of this version that can make environments: this one, on the PATH, or installed by pyenv."""
    candidates = [sys.executable, shutil.which(f"python{version}"), shutil.which("python3")]
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates += sorted(map(str, root.glob(f"versions/{version}.*/bin/python3")), reverse=True)
    ask = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
    for each in filter(None, candidates):
        # What is on the PATH may be a shim of an interpreter that was not chosen.
        asked = subprocess.run([each, "-c", ask], capture_output=True, text=True, check=False)
        if asked.stdout.strip() == version:
            return each
    return None


def index_of_pip() -> dict[str, str]:
    """Return the variables that tell uv of the index that pip is set to, since uv reads no settings of pip."""
    if any(name in os.environ for name in ("UV_INDEX_URL", "UV_DEFAULT_INDEX")):
        return {}
    asked = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False)
    found = re.search(r"^(?::env:|global|install)\.index-url='([^']+)'", asked.stdout, flags=re.MULTILINE)
    return {"UV_DEFAULT_INDEX": found[1]} if found else {}


def _fill(folder: Path, constraints: Path, requirements: Sequence[str], *, with_dependencies: bool) -> None:
    provider = f"{ROOT}[simulator]" if with_dependencies else str(ROOT)
    # Without its dependencies, since these name Airflow; what it needs instead is among the requirements.
    steps = [[*requirements, "-e", provider]] if with_dependencies else [[*requirements], ["--no-deps", "-e", provider]]
    what = f"Installing {_headline(constraints, with_dependencies=with_dependencies)}"
    for step in steps:
        install(folder, sys.executable, what, "-c", str(constraints), *step)


def _requirements(airflow: str, groups: Sequence[str]) -> list[str]:
    project_file = metadata()
    found = [requirement for group in groups for requirement in project_file["dependency-groups"][group]]
    if airflow == CLIENT_ONLY:
        project = project_file["project"]
        found += [each for each in project["dependencies"] if not each.startswith("apache-airflow")]
        found += project["optional-dependencies"]["simulator"]
    return found


def _headline(constraints: Path, *, with_dependencies: bool) -> str:
    versions = dict(re.findall(r"^([a-z0-9-]+)==(\S+)$", constraints.read_text(), flags=re.MULTILINE))
    return f"Airflow {versions['apache-airflow']}" if with_dependencies else "the client without Airflow"


def _digest(constraints: Path) -> str:
    project = metadata()["project"]
    parts = [sys.version, str(ROOT), constraints.read_text(), json.dumps(project, sort_keys=True)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _read_stamp(path: Path) -> dict[str, list[str]]:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return {}


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
    parser = argparse.ArgumentParser(prog="environments", description="Make an environment under .build/.")
    lines = f"a line such as {NEWEST_AIRFLOW}, or {CLIENT_ONLY} (default: %(default)s)"
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
