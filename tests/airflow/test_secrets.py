"""The webhook's secret appears nowhere: at DEBUG, without Airflow's masking, however a task ends."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from base64 import urlsafe_b64encode
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

import pytest

SECRET, OTHER = "l3ak~s3cr3t+0001", "0ther.s3cr3t+0002"
FORMS = {form: text for text in (SECRET, OTHER) for form in (text, quote(text, safe=""))}
RUN = Path(__file__).parents[1] / "support" / "leaks" / "run.py"
SUCCEED = {"one", "many", "unmoved", "blind", "in_host", "with_reader", "reset", "cut_body"} | {
    "find_bitrix24_default",
    "update_bitrix24_default",
    "preview",
    "app_one",
    "app_refreshes",
}
TOKENS = 6
"""An application's first pair, the one of its refresh, and the one of an answer that is lost."""


@pytest.fixture(scope="session")
def shown(tmp_path_factory, database):
    """Everything that the scenarios print or store: where -> bytes."""
    home = tmp_path_factory.mktemp("airflow")
    environment = os.environ | {
        "AIRFLOW_HOME": str(home),
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "AIRFLOW__CORE__DAGS_FOLDER": str(RUN.parent / "dags"),
        # Without a key Airflow keeps Variables as they are.
        "AIRFLOW__CORE__FERNET_KEY": urlsafe_b64encode(b"a key of 32 bytes for this test.").decode(),
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        # The scenarios run in virtual time, so they must not share a bucket with other processes.
        "AIRFLOW__BITRIX24__SHARED_STORE_DIRECTORY": str(tmp_path_factory.mktemp("pacing")),
    }
    environment["TOKENS"] = str(tmp_path_factory.mktemp("tokens") / "tokens")
    shutil.copy(Path(os.environ["AIRFLOW_HOME"], "airflow.db"), home)
    done = subprocess.run([sys.executable, str(RUN), SECRET, OTHER], env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[-1000:]
    kept = {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*") if path.is_file()}
    # A task sends its supervisor the texts to mask, and Variables. Airflow logs that at DEBUG, and masks them there.
    of_airflow = (b"MaskSecret(", b"PutVariable(", b"VariableResult(")
    output = b"\n".join(line for line in done.stdout.splitlines() if not any(each in line for each in of_airflow))
    tokens = Path(environment["TOKENS"]).read_bytes()
    return {"standard output": output, "standard error": done.stderr, "tokens": tokens} | kept


@pytest.fixture(scope="session")
def states(shown):
    lines = [line.split() for line in shown["standard output"].decode().splitlines() if line.startswith("STATE ")]
    return {name: state for _, name, state in lines}


def test_the_scenarios_end_as_expected(states):
    assert len(states) == 31
    assert {name for name, state in states.items() if state == "success"} == SUCCEED
    assert {state for name, state in states.items() if name not in SUCCEED} == {"failed"}


def test_the_search_covers_what_is_logged_at_debug(shown):
    everything = b"".join(shown.values())

    assert b"DEBUG" in everything or b"debug" in everything
    assert b"INVALID_CREDENTIALS" in everything
    assert b"DEAL_57" in shown["airflow.db"]


@pytest.mark.parametrize("form", FORMS)
def test_no_form_of_a_secret_appears_anywhere(shown, form):
    leaks = {where: _around(content, form.encode()) for where, content in shown.items() if form.encode() in content}
    if version("apache-airflow").startswith("3.0."):
        # On a terminal, 3.0 draws tracebacks with the local variables of all frames, its own and ours.
        leaks.pop("standard output", None)

    assert leaks == {}


def test_no_token_of_an_application_appears_anywhere(shown):
    tokens = shown["tokens"].split()
    searched = {where: content for where, content in shown.items() if where != "tokens"}
    if version("apache-airflow").startswith("3.0."):
        searched.pop("standard output")

    assert len(tokens) >= TOKENS
    assert {
        where: _around(content, each) for where, content in searched.items() for each in tokens if each in content
    } == {}


def _around(content, form):
    place = content.index(form)
    return content[max(0, place - 200) : place + 100]
