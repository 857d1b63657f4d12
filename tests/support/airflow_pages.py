"""Airflow's own pages, as a person uses them: the connection form, its test button, a task's page, the grid.

Airflow 3 and 2.11 have different ones; :func:`pages_of` gives those of the Airflow that runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow_provider_bitrix24.connection_form import EXTRA_FIELDS, HOOK_NAME, STANDARD_FIELDS
from scripts.local_airflow import IS_3

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page

    from scripts.local_airflow import LocalAirflow

LINK = "Open in Bitrix24"


class Pages3:
    """The pages of Airflow 3, where nobody needs to sign in."""

    def __init__(self, airflow: LocalAirflow, open_page: Callable[..., Page]) -> None:
        self._url = airflow.url
        self.page = open_page(f"{airflow.url}/connections", viewport={"width": 1280, "height": 800})

    def open_form(self, conn_id: str) -> None:
        """Open an empty form of our type."""
        self.page.goto(f"{self._url}/connections")
        self.page.get_by_role("button", name="Add Connection").first.click()
        form = self.page.get_by_role("dialog")
        form.locator("input[name=connection_id]").fill(conn_id)
        form.get_by_role("combobox").first.fill(HOOK_NAME)
        self.page.keyboard.press("Enter")
        form.locator("input[name=host]").wait_for()

    def open_extras(self) -> None:
        """Show the fields that are not Airflow's own; the form shows one group at a time."""
        self._section("Extra Fields")

    def _section(self, name: str) -> None:
        toggle = self.page.get_by_role("dialog").get_by_role("button", name=name, exact=True)
        if toggle.get_attribute("aria-expanded") != "true":
            toggle.click()
        self.page.get_by_role("dialog").get_by_role("button", name=name, exact=True, expanded=True).wait_for()

    def field(self, name: str) -> Locator:
        return self.page.locator(f"[name={name if name in STANDARD_FIELDS else f'element_{name}'}]")

    def fill(self, values: dict[str, str]) -> None:
        for name, value in values.items():
            self._section("Standard Fields" if name in STANDARD_FIELDS else "Extra Fields")
            self.field(name).fill(value)

    def choose(self, name: str, value: str) -> None:
        """Choose one of a field's values."""
        self._section("Extra Fields")
        label = EXTRA_FIELDS[name].label
        self.page.get_by_role("dialog").get_by_role("combobox", name=label).click()
        self.page.get_by_role("option", name=value, exact=True).click()

    def text(self) -> str:
        return self.page.get_by_role("dialog").inner_text()

    def save(self) -> None:
        self.page.get_by_role("button", name="Save").click()
        self.page.get_by_role("dialog").wait_for(state="detached")

    def press_test(self, conn_id: str) -> str:
        """Save, press the button in the list, and return what the page then says."""
        self.save()
        self.page.get_by_role("row", name=conn_id).get_by_role("button", name="Test Connection").click()
        told = self.page.locator("[data-part=root][data-scope=toast]").filter(has_text="Test Connection")
        told.wait_for()
        return told.inner_text()

    def open_task(self, dag_id: str, run_id: str, task_id: str, *, map_index: int = -1) -> None:
        mapped = "" if map_index < 0 else f"/mapped/{map_index}"
        self.page.goto(f"{self._url}/dags/{dag_id}/runs/{quote(run_id)}/tasks/{task_id}{mapped}/details")

    def open_log(self, dag_id: str, run_id: str, task_id: str, last: str) -> None:
        """Open a task's log from its beginning: long lines wrapped, the frames of tracebacks hidden.

        :param last: what the log ends with.
        """
        self.page.goto(f"{self._url}/dags/{dag_id}/runs/{quote(run_id)}/tasks/{task_id}")
        self.page.get_by_text(last).wait_for()
        self.page.keyboard.press("w")
        for traceback in self.page.locator("summary[data-testid^=summary-]:visible").all():
            traceback.click()
        self.page.keyboard.press("Control+ArrowUp")

    def open_report(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Open what a task that failed has stored in XCom."""
        self.page.goto(f"{self._url}/dags/{dag_id}/runs/{quote(run_id)}/tasks/{task_id}/xcom")
        self.page.get_by_role("button", name="Expand all extra JSON").click()

    def open_grid(self, dag_id: str) -> None:
        self.page.goto(f"{self._url}/dags/{dag_id}")
        self.page.get_by_text("Last Dag Run").wait_for()


class Pages2:
    """The pages of Airflow 2.11."""

    OWN_ERRORS = ("Cannot set properties of undefined (setting 'autocomplete')",)
    """What Airflow's own script fails at on many pages."""

    def __init__(self, airflow: LocalAirflow, open_page: Callable[..., Page]) -> None:
        self._url = airflow.url
        self.page = open_page(
            f"{airflow.url}/login/", viewport={"width": 1280, "height": 800}, known_errors=self.OWN_ERRORS
        )
        self.page.locator("#username").fill("admin")
        self.page.locator("#password").fill((airflow.home / "standalone_admin_password.txt").read_text())
        self.page.locator("input[type=submit]").click()
        self.page.wait_for_url("**/home")

    def open_form(self, conn_id: str) -> None:
        self.page.goto(f"{self._url}/connection/add")
        self.page.locator("#conn_id").fill(conn_id)
        self.page.locator("#conn_type").evaluate("(select, type) => $(select).val(type).trigger('change')", "bitrix24")
        self.field("plan").wait_for()

    def open_extras(self) -> None:
        """They stand below the others."""

    def field(self, name: str) -> Locator:
        return self.page.locator(f"#{name if name in STANDARD_FIELDS else f'extra__bitrix24__{name}'}")

    def fill(self, values: dict[str, str]) -> None:
        for name, value in values.items():
            self.field(name).fill(value)

    def choose(self, name: str, value: str) -> None:
        self.field(name).fill(value)

    def text(self) -> str:
        return self.page.locator("#model_form").inner_text()

    def save(self) -> None:
        self.page.get_by_role("button", name="Save").click()
        self.page.wait_for_url(lambda url: "/connection/add" not in url)

    def press_test(self, conn_id: str) -> str:
        """Press the button in the form and return what the page then says."""
        del conn_id  # it need not be saved
        with self.page.expect_response("**/connections/test"):
            self.page.locator("#test-connection").click()
        told = self.page.locator(".alert-success, .alert-error").first
        told.wait_for()
        self.page.evaluate("scrollTo(0, 0)")
        return told.inner_text()

    def open_task(self, dag_id: str, run_id: str, task_id: str, *, map_index: int = -1) -> None:
        place = f"dag_run_id={quote(run_id)}&task_id={task_id}&tab=details"
        mapped = "" if map_index < 0 else f"&map_index={map_index}"
        self.page.goto(f"{self._url}/dags/{dag_id}/grid?{place}{mapped}")

    def open_grid(self, dag_id: str) -> None:
        self.page.goto(f"{self._url}/dags/{dag_id}/grid")
        self.page.get_by_text("Total Runs Displayed").wait_for()


def pages_of(airflow: LocalAirflow, open_page: Callable[..., Page]) -> Pages2 | Pages3:
    return Pages3(airflow, open_page) if IS_3 else Pages2(airflow, open_page)
