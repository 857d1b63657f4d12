"""The tests of DAGs that the documentation shows are run as they stand there, by a pytest of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from textwrap import indent

from tests.support.documented_files import documented_files

DOCS = Path(__file__).parents[2] / "docs"


def files_of(page: str) -> dict[str, str]:
    return documented_files((DOCS / page).read_text(encoding="utf-8"))


def test_the_documented_tests_of_dags_pass(tmp_path: Path):
    testing, tutorial = files_of("testing.md"), files_of("tutorial.md")
    assert list(testing) == ["dags/paid_deals.py", "conftest.py", "test_paid_deals.py"]
    assert list(tutorial) == ["dags/nightly.py", "conftest.py", "test_nightly.py"]
    assert testing["conftest.py"] == tutorial["conftest.py"]
    page = (DOCS / "testing.md").read_text(encoding="utf-8")
    [first] = re.findall(r"```python\n(def .*?)```", page, re.DOTALL)
    [faults] = re.findall(r"```python\n(bitrix24_portal\.faults.*?)```", page, re.DOTALL)
    faults = "def test_the_faults_are_known(bitrix24_portal):\n" + indent(faults, "    ")
    testing["test_paid_deals.py"] += f"\n\n{first}\n\n{faults}"
    for name, content in (testing | tutorial).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")

    plugins = ["-p", "no:cacheprovider", "-p", "tests.support.api_server"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTEST"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugins, f"--rootdir={tmp_path}", tmp_path],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(DOCS.parent)},
        capture_output=True,
        text=True,
        timeout=900,  # a test that hangs; a busy machine is slow
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout


def test_the_russian_edition_shows_the_same_files():
    for page in ("quick-start.md", "tutorial.md"):
        assert files_of(f"ru/{page}") == files_of(page) != {}
