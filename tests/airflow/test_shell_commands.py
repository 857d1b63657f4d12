"""Every shell command that a page shows: run here, run by a named part of CI, or not run for a reason on the page."""

from __future__ import annotations

import json
import re
import shutil
import urllib.request
import warnings
from pathlib import Path

import airflow
import pytest

from tests.support.documented_files import documented_files
from tests.support.shell_commands import shell_commands

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "constraints/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
COMMANDS = {str(command): command for page in PAGES for command in shell_commands(page.read_text())}
ELSEWHERE = {
    "pytest test_nightly.py": ("tests/airflow/test_documented_test.py", '"-m", "pytest"'),
    "airflow db migrate": ("tests/airflow/test_documented_test.py", 'files_of("tutorial.md")'),
    "airflow standalone": ("scripts/local_airflow.py", '"standalone"'),
    "make demo": (".ci/run", "\nmake demo\n"),
    "make demo KEEP=1": ("tests/system/test_demo.py", '[*DEMO, "--keep"]'),
    "make test": (".ci/run", "\nmake test"),
    "make lint": (".ci/run", "\nmake lint\n"),
    "make dist '&&' pip install 'dist/airflow_provider_bitrix24-*.whl'": (".ci/run", "-m nox -s wheel\n"),
    "bitrix24-simulator": ("tests/simulator/test_main.py", "airflow_provider_bitrix24.simulator"),
    "python -m airflow_provider_bitrix24 authorize bitrix24_app": (
        "tests/airflow/test_application_commands.py",
        'main(["authorize", "bitrix24_app"]) == 0',
    ),
}
"""Command -> the file that runs it, and the words there."""
HERE = sorted(text for text, command in COMMANDS.items() if text not in ELSEWHERE and command.reason is None)


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A shared store in a database."""
    connection = {"conn_type": "sqlite", "host": str(tmp_path / "store.db")}
    monkeypatch.setenv("AIRFLOW_CONN_BITRIX24_STORE", json.dumps(connection))
    monkeypatch.setenv("AIRFLOW__BITRIX24__SHARED_STORE_CONN_ID", "bitrix24_store")


@pytest.fixture
def dags_folder(tmp_path):
    """A DAGs folder with the example DAGs, and with the DAG files that pages tell their readers to write."""
    folder = tmp_path / "dags"
    shutil.copytree(ROOT / "example_dags", folder)
    for page in PAGES:
        for name, code in documented_files(page.read_text(encoding="utf-8")).items():
            if name.startswith("dags/"):
                (tmp_path / name).write_text(code, encoding="utf-8")
    return folder


@pytest.fixture
def run(portal, application, store, dags_folder, monkeypatch, capsys, request):
    """Run a command as its page shows it, with the connections that pages name; returns what it prints."""

    def run_command(*words):
        match words:
            case ["python", "-m", "airflow_provider_bitrix24", *arguments]:
                from airflow_provider_bitrix24.__main__ import main

                assert main(arguments) == 0
            case ["airflow", *arguments]:
                from airflow import settings
                from airflow.cli.cli_parser import get_parser

                if "3.0" <= airflow.__version__ < "3.3":
                    pytest.skip("Airflow's own commands are tried on the oldest and the newest line.")
                monkeypatch.setattr(settings, "DAGS_FOLDER", str(dags_folder))

                request.getfixturevalue("database")
                options = get_parser().parse_args(arguments)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # what Airflow's own commands import and use is Airflow's
                    options.func(options)
            case ["curl", address]:
                here = re.sub(r"^http://127\.0\.0\.1:8024", portal.url, address)
                with urllib.request.urlopen(here, timeout=60) as answer:
                    return answer.read().decode()
            case _:
                pytest.fail("No test runs this command: run it here, name where CI does, or say on the page why not.")
        return capsys.readouterr().out

    return run_command


@pytest.mark.parametrize("text", [text for text in HERE if not text.startswith("export ")])
def test_a_command_runs_as_shown(text, run, portal):
    if " connections add " in text:
        added = text.split()[3]
        try:
            assert "Successfully added" in run(*COMMANDS[text].words)
        finally:
            run("airflow", "connections", "delete", added)
        return

    printed = run(*COMMANDS[text].words)

    if "dags test" in text:
        assert portal.moves
    else:
        assert printed


@pytest.mark.parametrize("text", [text for text in HERE if text.startswith("export ")])
def test_a_variable_is_one_that_is_read(text, monkeypatch):
    from airflow_provider_bitrix24.compat import BaseHook
    from airflow_provider_bitrix24.connection import read_connection
    from airflow_provider_bitrix24.provider_info import get_provider_info

    _, assignment = COMMANDS[text].words
    name, _, value = assignment.partition("=")
    if option := name.partition("AIRFLOW__BITRIX24__")[2]:
        assert option.lower() in get_provider_info()["config"]["bitrix24"]["options"]
        return
    monkeypatch.setenv(name, value)
    connection = BaseHook.get_connection(name.removeprefix("AIRFLOW_CONN_").lower())
    if connection.conn_type != "redis":  # the shared store; its own tests connect to one
        assert str(read_connection(connection).portal).endswith(("//example.bitrix24.com", "//127.0.0.1:8024"))


def test_what_runs_elsewhere_is_shown_and_runs_there():
    assert set(ELSEWHERE) <= set(COMMANDS)
    for file, words in ELSEWHERE.values():
        assert words in (ROOT / file).read_text(), file
