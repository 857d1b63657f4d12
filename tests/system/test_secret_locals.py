"""No secret in what a real task runner leaves behind, local variables included, however its tasks fail."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from airflow_provider_bitrix24.client.secret_text import forms_of
from airflow_provider_bitrix24.simulator.portal.model import Application
from airflow_provider_bitrix24.simulator.testing import SimulatorServer
from scripts.local_airflow import LocalAirflow
from tests.support.person import Person

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.system, pytest.mark.long]

LEAKS = Path(__file__).parents[1] / "support" / "leaks"
SECRET, WRONG, PROXY = "l3ak~s3cr3t+0001", "0ther.s3cr3t+0002", "pr0xy.s3cr3t+0003"
CLIENT_ID, CLIENT_SECRET = "local.leaks", "appl1cat10n~s3cr3t+0004"


@dataclass(frozen=True)
class Left:
    """What is left after the run.

    :param contents: where -> bytes.
    :param secrets: name -> secret.
    :param states: task -> its last state.
    """

    contents: dict[str, bytes]
    secrets: dict[str, str]
    states: dict[str, str]


def connections(portal: SimulatorServer) -> dict[str, str]:
    """The connections that the tasks name, for the environment."""
    url, secret = portal.url, quote(SECRET, safe="")
    host = {"host": url, "login": "1", "password": SECRET}
    application = {"host": url, "login": CLIENT_ID, "password": CLIENT_SECRET}
    oauth = {"auth_method": "oauth", "token_key": "leaks"}
    found = {
        "bitrix24_default": {"password": f"{url}/rest/1/{secret}/"},
        "wrong_secret": {"password": f"{url}/rest/1/{quote(WRONG, safe='')}/"},
        "refused": {"password": f"http://127.0.0.1:9/rest/1/{secret}/"},
        "no_tls": {"password": f"https://127.0.0.1:{portal.port}/rest/1/{secret}/"},
        "no_user": {"host": url, "password": SECRET},
        "port_0": {"password": f"https://example.bitrix24.com:0/rest/1/{secret}/"},
        "plain_http": {"password": f"http://example.bitrix24.com/rest/1/{secret}/"},
        "bad_extra": {**host, "extra": {"read_timeout": "x"}},
        "bad_proxy": {**host, "extra": {"proxy": f"ftp://user:{PROXY}@proxy.example.com"}},
        "application": {**application, "extra": oauth},
        "app_store_fails": {**application, "extra": {**oauth, "token_store": "failing.FailingStore"}},
        "app_wrong_secret": {**application, "password": WRONG, "extra": oauth},
        "app_no_store": {**application, "extra": {**oauth, "token_store": "no.such.Class"}},
    }
    return {f"AIRFLOW_CONN_{name.upper()}": json.dumps({"conn_type": "bitrix24"} | it) for name, it in found.items()}


@pytest.fixture(scope="module")
def portal() -> Iterator[SimulatorServer]:
    with SimulatorServer(seed="demo") as server:
        server.portal.accounts.add_webhook(1, SECRET)
        server.portal.accounts.add_application(Application(CLIENT_ID, CLIENT_SECRET, triggers={"invoice_paid": "Paid"}))
        yield server
        assert server.crashes == []


@pytest.fixture(scope="module")
def airflow(portal: SimulatorServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAirflow]:
    home = tmp_path_factory.mktemp("airflow") / "home"
    shutil.copytree(LEAKS / "failing", home / "dags")
    shutil.copytree(LEAKS / "plugins", home / "plugins")
    env = {
        **connections(portal),
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG",
        "APPLICATION_SECRET": CLIENT_SECRET,
        "PORTAL_CONTROL": f"{portal.url}/_simulator",
        # Where the commands find the class of a store, too, and the plugin what tests share.
        "PYTHONPATH": f"{home / 'dags'}{os.pathsep}{LEAKS.parents[2]}",
    }
    with LocalAirflow(home, home / "dags", env=env) as process:
        yield process


@pytest.fixture(scope="module")
def left(airflow: LocalAirflow, portal: SimulatorServer) -> Left:
    codes: list[str] = []

    def code(_: object) -> str:
        with portal.portal.lock:
            codes.append(portal.portal.tokens.make_code(CLIENT_ID, 1, portal.clock.now()).code)
        return codes[-1]

    shown = Person(airflow, lambda address: address).authorize("application", code)
    run_id = airflow.trigger("failing")
    airflow.wait_for_run("failing", run_id, seconds=1500)
    tokens = portal.portal.tokens
    issued = [*tokens._by_access, *tokens._by_refresh, *tokens.used]
    secrets = {"webhook": SECRET, "wrong webhook": WRONG, "proxy": PROXY, "application": CLIENT_SECRET}
    secrets |= {f"token {number}": token for number, token in enumerate(issued)}
    secrets |= {f"code {number}": text for number, text in enumerate(codes)}
    files = [path for path in airflow.home.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    contents = {str(path.relative_to(airflow.home)): path.read_bytes() for path in files}
    states = {row["task_id"]: row["state"] for row in airflow.task_instances("failing", run_id)}
    return Left({"authorize": shown.encode(), **contents}, secrets, states)


def test_every_task_fails(left: Left) -> None:
    assert set(left.states.values()) == {"failed"}, left.states
    assert len(left.secrets) >= 12, "too few tokens were issued"


def test_the_variables_of_every_failure_were_written_down(left: Left) -> None:
    looked_into = {Path(where).name.partition(".")[0] for where in left.contents if where.startswith("locals/")}
    assert set(left.states) - looked_into == set()
    everything = b"".join(left.contents.values())
    assert b"LOCAL AuthenticationError" in everything
    assert b"AirflowTaskTimeout" in everything
    assert b"DEBUG" in everything or b"debug" in everything


def test_no_secret_is_anywhere(left: Left) -> None:
    places = sorted(
        {
            (name.partition(" ")[0], where, around(content, form.encode()))
            for name, secret in left.secrets.items()
            for form in {*forms_of(secret), secret[::-1]}
            for where, content in left.contents.items()
            if form.encode() in content
        }
    )
    assert places == [], f"{len(places)} places"


def around(content: bytes, form: bytes) -> str:
    """The line in which a form stands, up to it."""
    place = content.index(form)
    line = content.rfind(b"\n", 0, place) + 1
    return content[max(line, place - 300) : place].decode(errors="replace")
