"""The connection form of Airflow 3 in a real browser: shown, filled in, saved, tested."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from airflow_process import IS_3, AirflowProcess

from airflow_provider_bitrix24.connection_form import EXTRA_FIELDS, STANDARD_FIELDS
from airflow_provider_bitrix24.simulator.testing import SimulatorServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Page

pytestmark = [pytest.mark.ui, pytest.mark.skipif(not IS_3, reason="the form of Airflow 3")]


@pytest.fixture(scope="module")
def portal() -> Iterator[SimulatorServer]:
    with SimulatorServer() as server:
        yield server


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowProcess]:
    home = tmp_path_factory.mktemp("airflow")
    (home / "dags").mkdir()
    with AirflowProcess(home, home / "dags") as process:
        yield process


def test_the_form_takes_a_pasted_url_and_saves_what_works(
    airflow: AirflowProcess, portal: SimulatorServer, open_page: Callable[..., Page], tmp_path: Path
) -> None:
    page = open_page(f"{airflow.url}/connections")
    page.get_by_role("button", name="Add Connection").first.click()
    page.locator("input[name=connection_id]").fill("from_form")
    page.locator("input[role=combobox]").first.fill("Bitrix24")
    page.keyboard.press("Enter")

    for name, field in STANDARD_FIELDS.items():
        assert page.locator(f"input[name={name}]").get_attribute("placeholder") == field.placeholder
        assert page.get_by_role("dialog").get_by_text(field.label, exact=True).count() == 1
    page.locator("input[name=password]").fill(portal.trigger_url("c5u4m"))
    page.get_by_role("button", name="Extra Fields", exact=True).click()
    for field in EXTRA_FIELDS.values():
        assert page.get_by_role("dialog").get_by_text(field.label, exact=True).count() == 1, field.label
    page.locator("input[name=element_max_concurrency]").fill("2")
    page.screenshot(path=tmp_path / "form.png", full_page=True)
    page.get_by_role("button", name="Save").click()
    page.get_by_text("from_form").wait_for()

    saved = airflow.api("GET", "/connections/from_form")
    assert (saved["conn_type"], saved["host"], saved["password"]) == ("bitrix24", None, "***")
    extra = json.loads(saved["extra"])
    assert set(extra) == set(EXTRA_FIELDS)
    assert (extra["max_concurrency"], extra["plan"]) == (2, "standard")
    tried = subprocess.run(
        [sys.executable, "-m", "airflow_provider_bitrix24", "check", "from_form"],
        env=airflow.env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"Connected to {portal.url} as Admin Simulator" in tried.stdout
    assert "Trigger code for tasks that name none: c5u4m" in tried.stdout


def test_the_test_button_says_that_it_works_or_what_is_wrong(
    airflow: AirflowProcess, portal: SimulatorServer, open_page: Callable[..., Page]
) -> None:
    # With a port, since the button of Airflow 3.3.1 and 3.3.2 asks for port 0 where a connection has none, and
    # then finds that it is another address than the saved one.
    for name, url in (("right", portal.webhook_url), ("wrong", f"{portal.url}/rest/1/wr0ng/")):
        body = {"connection_id": name, "conn_type": "bitrix24", "password": url, "port": portal.port}
        airflow.api("POST", "/connections", body)
    page = open_page(f"{airflow.url}/connections")

    def press(name: str) -> str:
        with page.expect_response("**/connections/test") as answer:
            page.get_by_role("row", name=name).get_by_role("button", name="Test Connection").click()
        return str(answer.value.json()["message"])

    works = press("right")
    assert works.startswith(f"Connected to {portal.url} as Admin Simulator")
    page.get_by_text(works).wait_for()
    page.mouse.move(0, 0)
    refused = press("wrong")
    assert "Check the webhook's user id and secret in the connection" in refused
    assert "wr0ng" not in refused
    page.get_by_text(refused).wait_for()
