"""The test of a DAG that the documentation shows is run as it stands there, by a pytest of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from textwrap import indent

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"


def test_the_documented_test_of_a_dag_passes(tmp_path: Path):
    page = PAGE.read_text(encoding="utf-8")
    files = dict(re.findall(r"```python\n# (\S+\.py)\n(.*?)```", page, re.DOTALL))
    assert list(files) == ["dags/paid_deals.py", "conftest.py", "test_paid_deals.py"]
    [first] = re.findall(r"```python\n(def .*?)```", page, re.DOTALL)
    [faults] = re.findall(r"```python\n(bitrix24_portal\.faults.*?)```", page, re.DOTALL)
    faults = "def test_the_faults_are_known(bitrix24_portal):\n" + indent(faults, "    ")
    files["test_paid_deals.py"] += f"\n\n{first}\n\n{faults}"
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", tmp_path],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTEST"))},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 passed" in done.stdout
