"""The tests on every Airflow line and Python for which there are constraints, each in an environment of its own.

nox                                      all that there are Pythons for; others are skipped by name
nox -s "tests(airflow3.2-python3.12)"    one of them
nox -s lowest                            the oldest dependencies that pyproject.toml allows
nox -s "wheel(3.13)"                     the built wheel, installed as users do it

Environments come from scripts/environment.py, so that they are those of make.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nox

sys.path.insert(0, "scripts")

from environment import CLIENT_ONLY, LOWEST, NEWEST_AIRFLOW
from refresh_constraints import LINES

nox.options.default_venv_backend = "none"
nox.options.sessions = ["client", "tests", "lowest", "wheel"]

PYTHON_OF_THE_WHEEL = "3.13"
PYTHONS = sorted({python for line in LINES for python in line.pythons})
MATRIX = [
    nox.param(python, line.airflow, id=f"airflow{line.airflow}-python{python}")
    for line in LINES
    for python in line.pythons
]


@nox.session
@nox.parametrize("python_version", PYTHONS, ids=PYTHONS)
def client(session: nox.Session, python_version: str) -> None:
    """The client and the simulator, where there is no Airflow."""
    python = environment(session, CLIENT_ONLY, python_version)
    session.run(python, "-c", "import importlib.util as u, sys; sys.exit(u.find_spec('airflow') is not None)")
    test(session, python, "tests/client", "tests/simulator")


@nox.session
@nox.parametrize(("python_version", "airflow"), MATRIX)
def tests(session: nox.Session, python_version: str, airflow: str) -> None:
    """What meets Airflow, on one line of it; all example DAGs among it."""
    test(session, environment(session, airflow, python_version), "tests/airflow", "tests/in_flight")


@nox.session
def lowest(session: nox.Session) -> None:
    """What meets Airflow, with the oldest versions of the direct dependencies that pyproject.toml allows."""
    test(session, environment(session, LOWEST, PYTHONS[0]), "tests/airflow", "tests/in_flight")


@nox.session
@nox.parametrize("python_version", [PYTHON_OF_THE_WHEEL], ids=[PYTHON_OF_THE_WHEEL])
def wheel(session: nox.Session, python_version: str) -> None:
    """The wheel in an environment that knows nothing of this folder: Airflow finds all that it declares."""
    builder = environment(session, NEWEST_AIRFLOW, python_version)
    pins = Path(f"constraints/airflow-{NEWEST_AIRFLOW}-python{python_version}.txt").resolve()
    with tempfile.TemporaryDirectory(prefix="bitrix24-wheel-") as folder:
        there = Path(folder)
        session.run(builder, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, silent=True)
        [built] = there.glob("*.whl")
        session.run(builder, "-m", "venv", str(there / "venv"))
        clean = str(there / "venv" / "bin" / "python")
        session.run(clean, "-m", "pip", "install", "-q", "-c", str(pins), str(built))
        session.chdir(there)
        env = {"AIRFLOW_HOME": str(there / "home"), "PYTHONDONTWRITEBYTECODE": None}
        for what, expected in (
            ("list", "airflow-provider-bitrix24"),
            ("hooks", "airflow_provider_bitrix24.hooks.bitrix24.Bitrix24Hook"),
            ("links", "airflow_provider_bitrix24.links.EntityLink"),
        ):
            command = [clean, "-m", "airflow", "providers", what, "--output", "json"]
            shown = session.run(*command, env=env, silent=True)
            if expected not in str(shown):
                session.error(f"airflow providers {what} does not show {expected}:\n{shown}")
        session.run(clean, "-m", "airflow_provider_bitrix24", "--help", env=env, silent=True)


def environment(session: nox.Session, airflow: str, version: str) -> str:
    """Make an environment and return its Python; skip the session where the machine lacks the interpreter."""
    found = interpreter(version)
    if found is None:
        session.skip(f"Python {version} is not on this machine")
    # The path is all that it writes to standard output; what it says meanwhile goes elsewhere.
    command = [found, "scripts/environment.py", "--airflow", airflow, "--groups", "test"]
    made = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if made.returncode:
        session.error(f"No environment for {airflow} on Python {version}")
    return made.stdout.strip()


def interpreter(version: str) -> str | None:
    """Find a Python of this version: on the PATH, or installed by pyenv."""
    candidates = [shutil.which(f"python{version}"), shutil.which("python3")]
    candidates += sorted(map(str, Path.home().glob(f".pyenv/versions/{version}.*/bin/python3")), reverse=True)
    ask = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
    for each in filter(None, candidates):
        told = subprocess.run([each, "-c", ask], capture_output=True, text=True, check=False)
        if told.stdout.strip() == version:
            return each
    return None


def test(session: nox.Session, python: str, *paths: str) -> None:
    """Run pytest with a home for Airflow that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="bitrix24-matrix-") as home:
        env = {"AIRFLOW_HOME": home, "PYTHONDONTWRITEBYTECODE": None}
        session.run(python, "-m", "pytest", *paths, *session.posargs, env=env)
