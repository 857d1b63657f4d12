"""An application as a new user sets it up: form, authorization, both operators, a lost chain and the way back."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import requests

from airflow_provider_bitrix24.simulator.portal.seed import DEMO
from scripts.local_airflow import IS_3, LocalAirflow
from scripts.processes import wait_for
from scripts.simulator_process import SimulatorProcess
from tests.support.airflow_pages import pages_of

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.ui

APPLICATION = DEMO["applications"][0]
CONN_ID = "bitrix24_app"
DAG_FILE = """
import pendulum
try:
    from airflow.sdk import DAG
except ImportError:
    from airflow import DAG
from airflow_provider_bitrix24.operators.automation import ExecuteTriggerOperator, TriggerAutomationOperator

options = {"schedule": None, "start_date": pendulum.datetime(2026, 1, 1, tz="UTC"), "catchup": False}
options["default_args"] = {"retries": 2, "retry_delay": pendulum.duration(seconds=1)}  # for Airflow's own time-outs
with DAG("both", **options):
    fired = ExecuteTriggerOperator(
        task_id="execute", target=["DEAL_57", "DEAL_58"], code="invoice_paid", expected_stage="EXECUTING",
        bitrix24_conn_id="bitrix24_app",
    )
    fired >> TriggerAutomationOperator(
        task_id="trigger", target=["DEAL_57"], code="paid", expected_stage="WON", bitrix24_conn_id="bitrix24_app"
    )
with DAG("waiting", **options):
    ExecuteTriggerOperator(
        task_id="wait", target="DEAL_59", code="invoice_paid", expected_stage="WON", wait_timeout=600, poke_interval=2,
        deferrable=True, bitrix24_conn_id="bitrix24_app",
    )
with DAG("again", **options):
    ExecuteTriggerOperator(task_id="again", target="DEAL_60", code="invoice_paid", bitrix24_conn_id="bitrix24_app")
"""


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    with SimulatorProcess(tmp_path_factory.mktemp("simulator")) as process:
        yield process


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAirflow]:
    folder = tmp_path_factory.mktemp("airflow")
    (folder / "dags").mkdir()
    (folder / "dags" / "application.py").write_text(DAG_FILE)
    # For a slow machine: the time-outs of Airflow 3's tasks, and of 2.11's web server with itself.
    patience = {"AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60", "AIRFLOW__WEBSERVER__WEB_SERVER_MASTER_TIMEOUT": "600"}
    with LocalAirflow(folder / "home", folder / "dags", env=patience) as running:
        yield running


class Person:
    """Somebody at a terminal, with a browser beside it."""

    def __init__(self, airflow: LocalAirflow) -> None:
        self._airflow = airflow

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "airflow_provider_bitrix24", *arguments]
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        return subprocess.Popen(command, env=self._airflow.env, cwd=self._airflow.home, text=True, **pipes)

    def run(self, *arguments: str) -> str:
        """Run a command, and return what it shows."""
        shown, told = self.start(*arguments).communicate(timeout=240)
        return shown + told

    def authorize(self) -> str:
        """Run the command, open the address that it shows, and paste the code that the portal shows."""
        with self.start("authorize", CONN_ID) as command:
            address = next(line.strip() for line in command.stdout if line.startswith("  http"))
            page = requests.get(address, timeout=30).text
            shown, told = command.communicate(re.search(r"<code>(\w+)</code>", page)[1] + "\n", timeout=240)
        assert command.returncode == 0, told
        return shown


@pytest.fixture
def person(airflow):
    return Person(airflow)


def run(airflow, dag_id):
    run_id = airflow.trigger(dag_id)
    return airflow.wait_for_run(dag_id, run_id, seconds=400), run_id


def address_of(simulator):
    return simulator.board_url.partition("/_simulator")[0]


def test_an_application_from_its_keys_to_a_lost_chain_and_back(airflow, simulator, person, open_page):
    address = address_of(simulator)
    pages = pages_of(airflow, open_page)
    pages.open_form(CONN_ID)
    pages.fill(
        {
            "host": address,
            "login": APPLICATION["client_id"],
            "password": APPLICATION["client_secret"],
            "port": address.rpartition(":")[2],
        }
    )
    pages.choose("auth_method", "oauth")
    told = pages.press_test(CONN_ID)
    assert "The application has no tokens yet." in told
    assert "authorize CONN_ID" in told
    if not IS_3:
        pages.save()
    extra = json.loads(airflow.api("GET", f"/connections/{CONN_ID}")["extra"])
    assert extra["auth_method"] == "oauth"

    assert "as Admin Simulator (user 1), an administrator." in person.authorize()
    assert "Connected: CRM can be read." in person.run("check", CONN_ID)
    assert "invoice_paid  Invoice paid" in person.run("triggers", CONN_ID, "list")

    state, _ = run(airflow, "both")
    assert state == "success", airflow.logs("both")
    assert simulator.get("/fires") == {"DEAL_57": {"fires": 2, "moves": 2}, "DEAL_58": {"fires": 1, "moves": 1}}

    # The token expires while a task waits on the triggerer.
    before = person.run("token", CONN_ID)
    run_id = airflow.trigger("waiting")
    wait_for(
        lambda: airflow.task_instances("waiting", run_id)[0]["state"] == "deferred", seconds=300, why="not deferred"
    )
    simulator.post("/clock", {"advance": 3601})
    wait_for(lambda: person.run("token", CONN_ID) != before, seconds=240, why="the triggerer refreshes nothing")
    simulator.move("DEAL_59", "WON")
    assert airflow.wait_for_run("waiting", run_id, seconds=400) == "success", airflow.logs("waiting")

    # The chain is lost, and the message leads back.
    simulator.post("/clock", {"advance": 3601})
    simulator.post("/faults", {"script": [{"kind": "cut", "when": "after", "method": "oauth.token"}]})
    state, _ = run(airflow, "again")
    assert state == "failed"
    log = airflow.logs("again")
    assert "The application's tokens are no longer valid." in log
    assert f"python -m airflow_provider_bitrix24 authorize {CONN_ID}" in log
    person.authorize()
    assert run(airflow, "again")[0] == "success", airflow.logs("again")

    secrets = [APPLICATION["client_secret"], *_tokens(airflow)]
    everything = "".join(airflow.logs(dag) for dag in ("both", "waiting", "again")) + airflow.log.read_text()
    assert not [each for each in secrets if each in everything]


def _tokens(airflow: LocalAirflow) -> list[str]:
    """The tokens that are kept now, as the database gives them to whoever has Airflow's key."""
    program = (
        "import os; os.environ['_AIRFLOW_PROCESS_CONTEXT'] = 'server';"
        "from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook;"
        f"kept = Bitrix24Hook({CONN_ID!r}).get_conn().portal.token_store.load();"
        "print(kept.pair.access_token, kept.pair.refresh_token)"
    )
    done = subprocess.run([sys.executable, "-c", program], env=airflow.env, capture_output=True, text=True, check=True)
    tokens = done.stdout.split()[-2:]
    assert all(len(each) > 60 for each in tokens)
    return tokens
