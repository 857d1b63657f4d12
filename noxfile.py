"""The tests on every Airflow line and Python for which there are constraints, each in an environment of its own.

nox                                   all that there are Pythons for; others are skipped by name
nox -s "tests(airflow3.2-python3.12)"    one of them
nox -s wheel                          the built wheel, installed as users do it
"""

from __future__ import annotations

import sys
from pathlib import Path

import nox

sys.path.insert(0, "scripts")

from environment import LOWEST, NEWEST_AIRFLOW, metadata
from refresh_constraints import LINES

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["client", "tests", "lowest", "wheel"]

TEST_GROUP = metadata()["dependency-groups"]["test"]
PYTHONS = sorted({python for line in LINES for python in line.pythons})
MATRIX = [
    nox.param(python, line.airflow, id=f"airflow{line.airflow}-python{python}")
    for line in LINES
    for python in line.pythons
]


def constraints(airflow: str, python: str) -> str:
    """Return the option that holds an installation to tried versions."""
    return f"--constraint=constraints/airflow-{airflow}-python{python}.txt"


@nox.session(python=PYTHONS)
def client(session: nox.Session) -> None:
    """The client and the simulator, where there is no Airflow."""
    project = metadata()["project"]
    needed = [each for each in project["dependencies"] if not each.startswith("apache-airflow")]
    needed += [*project["optional-dependencies"]["simulator"], *TEST_GROUP]
    session.install(constraints(NEWEST_AIRFLOW, str(session.python)), *needed)
    session.install("--no-deps", "--editable", ".")
    session.run("python", "-c", "import importlib.util as u, sys; sys.exit(u.find_spec('airflow') is not None)")
    session.run("pytest", "tests/client", "tests/simulator", *session.posargs)


@nox.session
@nox.parametrize(("python", "airflow"), MATRIX)
def tests(session: nox.Session, airflow: str) -> None:
    """What meets Airflow, on one line of it."""
    session.install(constraints(airflow, str(session.python)), "--editable", ".[simulator]", *TEST_GROUP)
    session.run("pytest", "tests/airflow", *session.posargs, env={"PYTHONDONTWRITEBYTECODE": None})


@nox.session(venv_backend="none")
def lowest(session: nox.Session) -> None:
    """The same with the oldest versions of the direct dependencies that pyproject.toml allows."""
    made = session.run(sys.executable, "scripts/environment.py", "--airflow", LOWEST, "--groups", "test", silent=True)
    python = str(made).strip().splitlines()[-1]
    session.run(python, "-m", "pytest", "tests/airflow", *session.posargs, env={"PYTHONDONTWRITEBYTECODE": None})


@nox.session(python=PYTHONS[-1:])
def wheel(session: nox.Session) -> None:
    """The wheel in an environment that knows nothing of this folder: Airflow finds all that it declares."""
    dist = Path(session.create_tmp()).resolve()
    session.install("hatchling")
    for old in dist.glob("*.whl"):
        old.unlink()
    session.run("python", "-m", "hatchling", "build", "-t", "wheel", "-d", str(dist), silent=True)
    [built] = dist.glob("*.whl")
    session.install(constraints(NEWEST_AIRFLOW, str(session.python)), str(built))
    session.chdir(dist)
    env = {"AIRFLOW_HOME": str(dist / "home"), "PYTHONDONTWRITEBYTECODE": None}
    for what, expected in (
        ("list", "airflow-provider-bitrix24"),
        ("hooks", "airflow_provider_bitrix24.hooks.bitrix24.Bitrix24Hook"),
        ("links", "airflow_provider_bitrix24.links.EntityLink"),
    ):
        shown = session.run("airflow", "providers", what, "--output", "json", env=env, silent=True)
        if expected not in str(shown):
            session.error(f"airflow providers {what} does not show {expected}:\n{shown}")
    session.run("python", "-m", "airflow_provider_bitrix24", "--help", env=env, silent=True)
