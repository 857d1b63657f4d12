"""The tests on every Airflow line and Python for which there are constraints, each in an environment of its own.

nox                                      all that there are Pythons for; others are skipped by name
nox -s "tests(airflow3.2-python3.12)"    one of them
nox -s lowest                            the oldest dependencies that pyproject.toml allows
nox -s wheel                             the built wheel, installed as users do it, on the oldest and newest Airflow
nox -s dist                              wheel and sdist into dist/, built reproducibly and checked
nox -s audit                             licenses of the dependencies, and a list of them in .build/sbom.json
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

import nox

sys.path.insert(0, str(Path(__file__).parent))

from scripts.environments import NEWEST_AIRFLOW, constraints_file, find_python, index_of_pip, install, metadata, uv
from scripts.refresh_constraints import LINES

if program := uv():
    os.environ |= {"UV": str(program), **index_of_pip()}
os.environ["UV_COMPILE_BYTECODE"] = "1"  # Airflow starts three times faster
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False

PYTHON_OF_THE_WHEEL = "3.13"
PYTHONS = sorted({python for line in LINES for python in line.pythons})
# nox looks on the PATH, where pyenv puts only those that were chosen.
found = [Path(each).parent for version in PYTHONS if (each := find_python(version))]
os.environ["PATH"] = os.pathsep.join([os.environ["PATH"], *map(str, found)])
MATRIX = [
    nox.param(python, line.airflow, id=f"airflow{line.airflow}-python{python}")
    for line in LINES
    for python in line.pythons
]
OLDEST = LINES[0]
ACCEPTED = "Apache;BSD;ISC;MIT;MPL;PSF;Python Software Foundation"
"""Licenses, or parts of their names, with which a package may be installed beside this one."""


@nox.session(python=PYTHONS)
def client(session: nox.Session) -> None:
    """The client and the simulator, where there is no Airflow."""
    project = metadata()["project"]
    dependencies = [each for each in project["dependencies"] if not each.startswith("apache-airflow")]
    pins = constraints_file(NEWEST_AIRFLOW, str(session.python))
    session.install("-c", str(pins), *dependencies, *project["optional-dependencies"]["simulator"], *group("test"))
    session.install("--no-deps", "-e", ".")
    session.run("python", "-c", "import importlib.util as u, sys; sys.exit(u.find_spec('airflow') is not None)")
    test(session, "tests/client", "tests/hostile", "tests/simulator")


@nox.session
@nox.parametrize(("python", "airflow"), MATRIX)
def tests(session: nox.Session, airflow: str) -> None:
    """What meets Airflow, on one line of it; all example DAGs are among it."""
    pins = constraints_file(airflow, str(session.python))
    session.install("-c", str(pins), "-e", ".[simulator]", *group("test"), *group("providers"))
    test(session, "tests/airflow", "tests/in_flight")


@nox.session(python=OLDEST.pythons[0], venv_backend="uv")
def lowest(session: nox.Session) -> None:
    """What meets Airflow, with the oldest versions of the direct dependencies that pyproject.toml allows."""
    pins = without_direct(constraints_file(OLDEST.airflow, str(session.python)))
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(pins)
        file.flush()
        session.install(
            "--resolution", "lowest-direct", "-c", file.name, "-e", ".[simulator]", *group("test"), *group("providers")
        )
    test(session, "tests/airflow", "tests/in_flight")


@nox.session
@nox.parametrize(
    ("python", "airflow"),
    [
        nox.param(OLDEST.pythons[0], OLDEST.airflow, id="oldest"),
        nox.param(PYTHON_OF_THE_WHEEL, NEWEST_AIRFLOW, id="newest"),
    ],
)
def wheel(session: nox.Session, airflow: str) -> None:
    """The wheel in an environment that knows nothing of this folder: Airflow finds everything that it declares."""
    pins = constraints_file(airflow, str(session.python))
    session.install("-c", str(pins), "hatchling")
    with tempfile.TemporaryDirectory(prefix="bitrix24-wheel-") as folder:
        session.run("python", "-m", "hatchling", "build", "-t", "wheel", "-d", folder, silent=True)
        [built] = Path(folder).glob("*.whl")
        session.install("-c", str(pins), "--reinstall-package", "airflow-provider-bitrix24", str(built))
        session.chdir(folder)
        env = {"AIRFLOW_HOME": str(Path(folder) / "home"), "PYTHONDONTWRITEBYTECODE": None}
        for what, expected in (
            ("list", "airflow-provider-bitrix24"),
            ("hooks", "airflow_provider_bitrix24.hooks.bitrix24.Bitrix24Hook"),
            ("links", "airflow_provider_bitrix24.links.EntityLink"),
        ):
            shown = session.run("python", "-m", "airflow", "providers", what, "--output", "json", env=env, silent=True)
            if expected not in str(shown):
                session.error(f"airflow providers {what} does not show {expected}:\n{shown}")
        session.run("python", "-m", "airflow_provider_bitrix24", "--help", env=env, silent=True)


@nox.session(python=PYTHON_OF_THE_WHEEL)
def dist(session: nox.Session) -> None:
    """Wheel and sdist into ``dist/``, built twice with the same bytes, and checked."""
    session.install("-c", str(constraints_file(NEWEST_AIRFLOW, str(session.python))), *group("release"))
    folder = Path("dist")
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="bitrix24-dist-") as again:
        for target in (folder, Path(again)):
            session.run("python", "-m", "hatchling", "build", "-d", str(target), silent=True)
        built = sorted(folder.iterdir())
        differing = [each.name for each in built if each.read_bytes() != (Path(again) / each.name).read_bytes()]
    if differing:
        session.error(f"Two builds differ: {', '.join(differing)}")
    session.run("twine", "check", "--strict", *map(str, built))
    session.run("check-wheel-contents", *(str(each) for each in built if each.suffix == ".whl"))


@nox.session(python=PYTHON_OF_THE_WHEEL)
def audit(session: nox.Session) -> None:
    """The licenses of all that an installation with every extra brings beside Airflow, and a CycloneDX list of it."""
    pins = str(constraints_file(NEWEST_AIRFLOW, str(session.python)))
    session.install("-c", pins, *group("release"))
    with tempfile.TemporaryDirectory(prefix="bitrix24-audit-") as folder:
        environment = Path(folder) / "environment"
        install(environment, str(session.python), "Installing what is audited", "-c", pins, *runtime_requirements())
        python = str(environment / "bin" / "python")
        session.run("pip-licenses", f"--python={python}", "--from=mixed", "--partial-match", f"--allow-only={ACCEPTED}")
        Path(".build").mkdir(exist_ok=True)
        session.run("cyclonedx-py", "environment", "--output-file", ".build/sbom.json", python)


def runtime_requirements() -> list[str]:
    """Return what the package needs beside Airflow, with every extra."""
    project = metadata()["project"]
    extras = [each for extra in project["optional-dependencies"].values() for each in extra]
    return [*(each for each in project["dependencies"] if not each.startswith("apache-airflow")), *extras]


def group(name: str) -> list[str]:
    """Return the requirements of a dependency group of ``pyproject.toml``."""
    return nox.project.dependency_groups(metadata(), name)


def without_direct(constraints: Path) -> str:
    """Return the constraints less the direct dependencies, so that these can be as old as they may be."""
    project = metadata()["project"]
    direct = [*project["dependencies"], *project["optional-dependencies"]["simulator"]]
    names = {re.match(r"[A-Za-z0-9-]+", each)[0] for each in direct}
    kept = [line for line in constraints.read_text().splitlines() if line.partition("==")[0] not in names]
    return "\n".join(kept) + "\n"


def test(session: nox.Session, *paths: str) -> None:
    """Run pytest."""
    session.run("python", "-m", "pytest", *paths, *session.posargs, env={"PYTHONDONTWRITEBYTECODE": None})
