"""What is shipped, and what an installation is told: wheel, sdist, metadata, constraints."""

from __future__ import annotations

import email
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from scripts.refresh_constraints import LINES

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "airflow_provider_bitrix24"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONSTRAINTS = sorted((ROOT / "constraints").glob("*.txt"))
EXAMPLES = sorted(path.name for path in (ROOT / "example_dags").glob("*.py"))


def build(source: Path, into: Path, *kinds: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(into), *(f"-t{kind}" for kind in kinds)],
        cwd=source,
        check=True,
        capture_output=True,
    )


@pytest.fixture(scope="module")
def distributions(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    build(ROOT, folder, "wheel", "sdist")
    return folder


@pytest.fixture(scope="module")
def wheel(distributions):
    [path] = distributions.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def files_of_package() -> set[str]:
    return {
        str(path.relative_to(ROOT))
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.is_relative_to(PACKAGE / "example_dags")
    }


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    shipped = {name for name in wheel.namelist() if ".dist-info/" not in name}

    examples = {f"airflow_provider_bitrix24/example_dags/{name}" for name in EXAMPLES}
    assert shipped == files_of_package() | examples
    assert "airflow_provider_bitrix24/py.typed" in shipped
    assert {
        f"airflow_provider_bitrix24/simulator/board/files/board.{kind}" for kind in ("css", "html", "js")
    } <= shipped


def test_the_wheel_holds_each_example_once_and_as_it_is_in_the_repository(wheel):
    assert EXAMPLES
    assert Counter(Path(name).name for name in wheel.namelist() if "/example_" in name) == Counter(EXAMPLES)
    for name in EXAMPLES:
        shipped = wheel.read(f"airflow_provider_bitrix24/example_dags/{name}")
        assert shipped == (ROOT / "example_dags" / name).read_bytes()


def test_the_sdist_builds_the_same_wheel(distributions, wheel, tmp_path):
    [path] = distributions.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        archive.extractall(tmp_path, filter="data")
    [unpacked] = tmp_path.iterdir()

    build(unpacked, tmp_path / "dist", "wheel")

    [again] = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(again) as other:
        assert {each.filename: each.CRC for each in other.infolist()} == {
            each.filename: each.CRC for each in wheel.infolist()
        }


def test_the_wheels_metadata_tells_airflow_and_installers_what_they_need(wheel):
    [dist_info] = {name.partition("/")[0] for name in wheel.namelist() if ".dist-info/" in name}
    metadata = email.message_from_bytes(wheel.read(f"{dist_info}/METADATA"))
    entry_points = wheel.read(f"{dist_info}/entry_points.txt").decode()

    from airflow_provider_bitrix24 import __version__
    from airflow_provider_bitrix24.provider_info import get_provider_info

    # Airflow refuses to work where these two differ.
    assert metadata["Name"] == get_provider_info()["package-name"] == "airflow-provider-bitrix24"
    assert metadata["Version"] == __version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert "[apache_airflow_provider]\nprovider_info = airflow_provider_bitrix24.provider_info:" in entry_points
    required = {Requirement(each).name for each in metadata.get_all("Requires-Dist") if "extra" not in each}
    assert required == {"apache-airflow", "requests", "httpx", "pendulum"}
    assert metadata.get_content_type() == "text/plain"
    assert metadata["Description-Content-Type"] == "text/markdown"


def test_the_changelogs_newest_release_is_this_version():
    from airflow_provider_bitrix24 import __version__

    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    [newest, *_] = headings[1:] if headings[0] == "Unreleased" else headings
    assert newest == __version__


def pins(path: Path) -> dict[str, str]:
    return dict(line.split("==") for line in path.read_text().splitlines())


def requirements() -> list[Requirement]:
    project = PROJECT["project"]
    groups = PROJECT["dependency-groups"]
    found = [*project["dependencies"], *project["optional-dependencies"]["simulator"]]
    return [Requirement(each) for each in [*found, *(each for group in groups.values() for each in group)]]


@pytest.mark.parametrize("path", CONSTRAINTS, ids=lambda path: path.stem)
def test_constraints_are_names_and_versions_and_fit_what_the_package_asks_for(path):
    lines = path.read_text().splitlines()
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*==[0-9][0-9a-z.+!]*", line)] == []

    pinned = pins(path)
    assert len(pinned) == len(lines), "a package is named twice"
    line = re.match(r"airflow-(\d+\.\d+)-python", path.name)[1]
    assert pinned["apache-airflow"].startswith(f"{line}.")
    for requirement in requirements():
        if requirement.marker is None or requirement.marker.evaluate():
            assert pinned[requirement.name] in requirement.specifier, requirement


def test_there_are_constraints_for_each_line_and_python_that_the_refreshing_script_names():
    named = {f"airflow-{line.airflow}-python{python}.txt" for line in LINES for python in line.pythons}
    assert named == {path.name for path in CONSTRAINTS}
    declared = [each.rpartition(" ")[2] for each in PROJECT["project"]["classifiers"] if "Python :: 3." in each]
    resolved_and_not_yet_tried = ["3.14"]
    assert sorted({python for line in LINES for python in line.pythons}) == sorted(
        [*declared, *resolved_and_not_yet_tried]
    )


def test_the_package_names_no_index():
    shown = [
        *CONSTRAINTS,
        ROOT / "pyproject.toml",
        ROOT / "README.md",
        ROOT / "Makefile",
        *(ROOT / "docs").rglob("*.md"),
    ]
    assert [path.name for path in shown if re.search(r"index-url|pypi\.|/simple\b", path.read_text())] == []
