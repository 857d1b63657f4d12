"""An application as a new user sets it up: form, authorization, both operators, a lost chain and the way back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from scripts.local_airflow import IS_3, LocalAirflow
from scripts.processes import wait_for
from scripts.simulator_process import SimulatorProcess
from tests.support.airflow_pages import pages_of
from tests.support.person import Person, reached_address, shown_code, unanswering_handler

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.ui

APPLICATION = {"client_id": "local.5f0c1d2e3a4b5.12345678", "client_secret": "appl1cat10nsK3y"}
CODE = {"code": "delivered", "application": APPLICATION["client_id"]}
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
        task_id="execute", target=["DEAL_57", "DEAL_58"], code="delivered", expected_stage="EXECUTING",
        bitrix24_conn_id="bitrix24_app",
    )
    fired >> TriggerAutomationOperator(
        task_id="trigger", target=["DEAL_57"], code="paid", expected_stage="WON", bitrix24_conn_id="bitrix24_app"
    )
with DAG("waiting", **options):
    ExecuteTriggerOperator(
        task_id="wait", target="DEAL_59", code="delivered", expected_stage="WON", wait_timeout=600, poke_interval=2,
        deferrable=True, bitrix24_conn_id="bitrix24_app",
    )
with DAG("again", **options):
    ExecuteTriggerOperator(task_id="again", target="DEAL_60", code="delivered", bitrix24_conn_id="bitrix24_app")
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


@pytest.fixture
def person(airflow, open_page):
    return Person(airflow, open_page)


@pytest.fixture
def pages(airflow, open_page):
    return pages_of(airflow, open_page)


def test_an_application_from_its_keys_to_a_lost_chain_and_back(airflow, simulator, person, pages):
    with unanswering_handler() as handler:
        simulator.post("/seed", {"applications": [APPLICATION | {"redirect_uri": handler}]})
        fill_in_the_form(airflow, simulator, pages)
        authorize_through_the_browser(person, handler)
    look_at_the_tokens(simulator, person, pages)
    register_a_trigger(simulator, person)
    run_both_operators(airflow, simulator)
    outlive_an_hour(airflow, simulator, person)
    lose_the_chain(airflow, simulator, person)
    find_the_way_back(airflow, simulator, person)
    assert_nothing_was_shown(airflow)


def fill_in_the_form(airflow, simulator, pages):
    told = fill_in(simulator, pages, CONN_ID)
    assert "The application has no tokens yet." in told
    assert "authorize CONN_ID" in told
    picture(pages, "application-without-tokens")
    if not IS_3:
        pages.save()
    extra = json.loads(airflow.api("GET", f"/connections/{CONN_ID}")["extra"])
    assert extra["auth_method"] == "oauth"


def fill_in(simulator, pages, conn_id) -> str:
    """Fill in the form; returns what the test button says."""
    address = address_of(simulator)
    keys = {"login": APPLICATION["client_id"], "password": APPLICATION["client_secret"]}
    pages.open_form(conn_id)
    pages.fill(keys | {"host": address, "port": address.rpartition(":")[2]})
    pages.choose("auth_method", "oauth")
    return pages.press_test(conn_id)


def authorize_through_the_browser(person, handler):
    """Two mistakes, each of which is named, and then the address on which the browser ends."""
    mistakes = [f"{handler}?code=0123456789&state=of-another-attempt", "0123456789"]

    shown = person.authorize(CONN_ID, reached_address, mistakes=mistakes)

    assert "The address belongs to another attempt" in shown
    assert "The code is wrong, was used already, or is older than 30 seconds." in shown
    assert "Authorized; the tokens are stored." in shown
    assert "as Admin Simulator (user 1), an administrator." in shown
    assert not [code for code in mistakes if code in shown]


def look_at_the_tokens(simulator, person, pages):
    """The command, and the test button of another connection to the same application."""
    shown = person.run("token", CONN_ID)
    assert f"The application acts on {address_of(simulator)} as Admin Simulator (user 1), an administrator." in shown
    assert "Unused, the tokens last until" in shown
    assert "Connected: CRM can be read." in person.run("check", CONN_ID)

    assert "Connected: CRM can be read." in fill_in(simulator, pages, "the_same_application")
    picture(pages, "application-with-tokens")


def register_a_trigger(simulator, person):
    assert "Registered 'delivered'" in person.run("triggers", CONN_ID, "add", "delivered", "Goods delivered")
    assert "delivered  Goods delivered" in person.run("triggers", CONN_ID, "list")
    simulator.post("/seed", {"triggers": [{"stage": "EXECUTING", **CODE}]})


def run_both_operators(airflow, simulator):
    state, _ = run(airflow, "both")
    assert state == "success", airflow.logs("both")
    assert simulator.get("/fires") == {"DEAL_57": {"fires": 2, "moves": 2}, "DEAL_58": {"fires": 1, "moves": 1}}


def outlive_an_hour(airflow, simulator, person):
    """The token expires while a task waits on the triggerer."""
    before = person.run("token", CONN_ID)
    run_id = airflow.trigger("waiting")
    wait_for(
        lambda: airflow.task_instances("waiting", run_id)[0]["state"] == "deferred", seconds=300, why="not deferred"
    )
    simulator.post("/clock", {"advance": 3601})
    wait_for(lambda: person.run("token", CONN_ID) != before, seconds=240, why="the triggerer refreshes nothing")
    simulator.move("DEAL_59", "WON")
    assert airflow.wait_for_run("waiting", run_id, seconds=400) == "success", airflow.logs("waiting")


def lose_the_chain(airflow, simulator, person):
    simulator.post("/clock", {"advance": 3601})
    simulator.post("/faults", {"script": [{"kind": "cut", "when": "after", "method": "oauth.token"}]})
    state, _ = run(airflow, "again")
    assert state == "failed"
    log = airflow.logs("again")
    assert "The application's tokens are no longer valid." in log
    assert f"python -m airflow_provider_bitrix24 authorize {CONN_ID}" in log
    assert "asked for new tokens at" in person.run("token", CONN_ID)


def find_the_way_back(airflow, simulator, person):
    """As the message says, this time without a handler: the portal then shows the code."""
    triggers = {"triggers": {"delivered": "Goods delivered"}}
    simulator.post("/seed", {"applications": [APPLICATION | triggers]})
    person.authorize(CONN_ID, shown_code)
    assert run(airflow, "again")[0] == "success", airflow.logs("again")


def assert_nothing_was_shown(airflow):
    secrets = [APPLICATION["client_secret"], *_tokens(airflow)]
    everything = "".join(airflow.logs(dag) for dag in ("both", "waiting", "again")) + airflow.log.read_text()
    assert not [each for each in secrets if each in everything]


def run(airflow, dag_id):
    run_id = airflow.trigger(dag_id)
    return airflow.wait_for_run(dag_id, run_id, seconds=400), run_id


def address_of(simulator):
    return simulator.board_url.partition("/_simulator")[0]


def picture(pages: Any, name: str) -> None:
    """Take a picture where the environment names a folder for it; nothing depends on it."""
    if folder := os.environ.get("SCREENSHOTS"):
        pages.page.screenshot(path=Path(folder, f"{name}-{3 if IS_3 else 2}.png"), animations="disabled")


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
