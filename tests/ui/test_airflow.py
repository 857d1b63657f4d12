"""A person's way through Airflow's pages: the connection's form and test button, a run, the link, the grid.

On Airflow 3 and on 2.11, against a portal that speaks TLS. ``SCREENSHOTS=docs/images`` keeps the pictures.
"""

from __future__ import annotations

import json
import os
import shutil
from importlib.metadata import version
from pathlib import Path

import pytest

from airflow_provider_bitrix24.connection_form import EXTRA_FIELDS, HIDDEN_FIELDS, STANDARD_FIELDS
from airflow_provider_bitrix24.simulator.portal.accounts import MAIN_SECRET
from airflow_provider_bitrix24.simulator.testing import SimulatorServer
from scripts.local_airflow import IS_3, LocalAirflow
from tests.support.airflow_pages import LINK, pages_of

pytestmark = pytest.mark.ui

EXAMPLES = Path(__file__).parents[2] / "example_dags"
LINE = ".".join(version("apache-airflow").split(".")[:2])


@pytest.fixture(scope="module")
def portal():
    with SimulatorServer(seed="demo", tls=True) as server:
        yield server
        assert server.crashes == []


@pytest.fixture(scope="module")
def authority(portal, tmp_path_factory):
    """Path of the file with the certificate to trust."""
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    path.write_text(portal.certificate)
    return path


@pytest.fixture(scope="module")
def airflow(browser, tmp_path_factory):
    home = tmp_path_factory.mktemp("airflow")
    shutil.copytree(EXAMPLES, home / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    if IS_3:
        shutil.copy(Path(__file__).parent / "dags" / "nightly.py", home / "dags")
    with LocalAirflow(home, home / "dags") as process:
        yield process


@pytest.fixture
def pages(airflow, open_page):
    return pages_of(airflow, open_page)


@pytest.fixture
def picture(pages, tmp_path):
    """Take a picture of what the page shows."""
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))  # nothing depends on the pictures, or on the pause

    def take(name, *, width=1280, height=800):
        pages.page.set_viewport_size({"width": width, "height": height})
        pages.page.mouse.move(0, 0)
        path = folder / f"{name}-{LINE}.png"
        pages.page.wait_for_timeout(1500)  # charts are drawn gradually, forms and messages slide in
        pages.page.screenshot(path=path, animations="disabled")
        assert path.stat().st_size > 10_000

    return take


@pytest.fixture
def works(portal, authority):
    """What to fill in for a connection that works."""
    return {
        "password": portal.webhook_url,
        "port": str(portal.port),  # the button of Airflow 3.3.1 and 3.3.2 takes no connection without one
        "ca_bundle": str(authority),
    }


@pytest.fixture
def new_id(airflow):
    """Id of a connection that is gone after the test."""
    yield "bitrix24_tried"
    if "bitrix24_tried" in saved(airflow):
        airflow.api("DELETE", "/connections/bitrix24_tried")


def saved(airflow):
    return {each["connection_id"] for each in airflow.api("GET", "/connections")["connections"]}


@pytest.fixture
def connection(airflow, pages, works):
    """The connection ``bitrix24_default``, filled in and saved once by hand."""
    if "bitrix24_default" not in saved(airflow):
        pages.open_form("bitrix24_default")
        pages.fill(works)
        pages.save()
    return airflow.api("GET", "/connections/bitrix24_default")


# -- the form


def test_the_form_shows_every_field_with_its_explanation(pages, picture):
    pages.open_form("bitrix24_default")

    for name, field in STANDARD_FIELDS.items():
        assert field.label in pages.text()
        assert pages.field(name).get_attribute("placeholder") == field.placeholder
        assert pages.field(name).is_visible()
    picture("connection-form", height=900)
    pages.open_extras()
    shown = pages.text()
    for name, field in EXTRA_FIELDS.items():
        assert field.label in shown
        assert field.description in shown
        assert pages.field(name).count() == 1
    picture("connection-form-extras", height=1900 if IS_3 else 2300)
    assert all(pages.page.locator(f"[name={name}]:visible").count() == 0 for name in HIDDEN_FIELDS)


def test_the_secret_is_not_shown_while_it_is_typed(pages):
    pages.open_form("bitrix24_default")

    assert pages.field("password").get_attribute("type") == "password"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"password": "https://{host}/rest/1/wr0ngs3cr3t/"}, ["INVALID_CREDENTIALS", "user id and secret"]),
        ({"login": "2"}, ["Login is '2'", "user 1"]),
        ({"password": "https://example.bitrix24.com/"}, ["address is missing", "Host"]),
        ({"ca_bundle": ""}, ["certificate is not trusted", "ca_bundle"]),
    ],
    ids=["secret", "login", "portal", "authority"],
)
def test_the_test_button_says_what_is_wrong(pages, portal, works, new_id, wrong, words):
    pages.open_form(new_id)
    filled = works | {name: value.format(host=f"127.0.0.1:{portal.port}") for name, value in wrong.items()}
    pages.fill({name: value for name, value in filled.items() if value})

    told = pages.press_test(new_id)

    assert all(word in told for word in words), told
    assert "wr0ngs3cr3t" not in told
    assert MAIN_SECRET not in told


@pytest.mark.skipif(IS_3, reason="the form of Airflow 3 offers only what is right")
def test_airflow_2_marks_the_field_that_is_wrong_and_saves_nothing(airflow, pages, new_id):
    pages.open_form(new_id)
    pages.fill({"plan": "free"})

    pages.page.get_by_role("button", name="Save").click()

    pages.field("plan").locator("xpath=ancestor::td").locator(".alert-danger").wait_for()
    assert new_id not in saved(airflow)


def test_the_test_button_says_that_it_works(pages, portal, works, picture, new_id):
    pages.open_form(new_id)
    pages.fill(works)

    told = pages.press_test(new_id)
    picture("test-button")

    assert f"Connected to {portal.url} as Admin Simulator (user 1), an administrator; CRM can be read." in told
    assert "Ignored" not in told


def test_a_connection_keeps_what_was_filled_in(connection, portal, authority):
    extra = json.loads(connection["extra"])

    assert (connection["conn_type"], connection["port"]) == ("bitrix24", portal.port)
    assert not connection["host"]
    assert MAIN_SECRET not in json.dumps(connection)
    assert {name for name, value in extra.items() if value not in (None, "")} <= set(EXTRA_FIELDS)
    assert extra["ca_bundle"] == str(authority)


# -- a run


@pytest.mark.usefixtures("connection")
def test_a_dag_runs_with_it_and_the_task_leads_to_the_entity(airflow, pages, portal, picture):
    run_id = airflow.trigger("bitrix24_example_one_entity")
    assert airflow.wait_for_run("bitrix24_example_one_entity", run_id) == "success"
    assert portal.portal.stage_of("DEAL_57") == "PREPARATION"

    pages.open_task("bitrix24_example_one_entity", run_id, "to_preparation")
    link = pages.page.get_by_role("link", name=LINK)
    link.wait_for()
    picture("task-link")
    assert link.get_attribute("href") == f"{portal.url}/crm/deal/details/57/"
    with pages.page.expect_popup() as opened:
        link.click()

    assert opened.value.url == f"{portal.board_url}?type=DEAL&category=0&open=DEAL_57", "the deal's card is opened"
    assert MAIN_SECRET not in pages.page.content()


@pytest.mark.usefixtures("connection")
def test_every_mapped_task_has_a_link_of_its_own(airflow, pages, portal):
    run_id = airflow.trigger("bitrix24_example_decorator")
    assert airflow.wait_for_run("bitrix24_example_decorator", run_id) == "success"

    for map_index, deal in enumerate((63, 64)):
        pages.open_task("bitrix24_example_decorator", run_id, "deliver", map_index=map_index)
        pages.page.locator(f"a[href='{portal.url}/crm/deal/details/{deal}/']").wait_for()


@pytest.mark.usefixtures("connection")
def test_the_grid_shows_how_it_went(airflow, pages, picture):
    run_id = airflow.trigger("bitrix24_example_follow_up")
    assert airflow.wait_for_run("bitrix24_example_follow_up", run_id) == "success"

    pages.open_grid("bitrix24_example_follow_up")

    for task in ("to_paid", "send_receipt", "tell_somebody"):
        pages.page.get_by_text(task, exact=True).first.wait_for()
    picture("grid")


# -- the logs of a night, on Airflow 3


@pytest.fixture(scope="module")
def night(airflow):
    """Id of a run of which two of three tasks have failed; their deals are on a portal of its own."""
    with SimulatorServer(seed="demo") as server:
        deals = {"NEW": [*range(1_002, 1_050), 4_000, 4_001], "PREPARATION": [1_000, 1_001, *range(2_001, 3_900)]}
        for stage, numbers in {**deals, "EXECUTING": range(3_900, 3_999), "FINAL_INVOICE": [4_002]}.items():
            for number in numbers:
                server.portal.add_deal(id=number, stage=stage)
        body = {"connection_id": "bitrix24_nightly", "conn_type": "bitrix24", "password": server.webhook_url}
        airflow.api("POST", "/connections", body)
        run_id = airflow.trigger("nightly")
        assert airflow.wait_for_run("nightly", run_id) == "failed"
        yield run_id
        assert server.crashes == []


@pytest.mark.skipif(not IS_3, reason="the pages of Airflow 2 show logs in another way")
@pytest.mark.parametrize(
    ("task_id", "last", "name", "height"),
    [
        ("to_preparation", "moved NEW -> PREPARATION: 48 deals (DEAL_1002 to DEAL_1049)", "log", 520),
        ("to_production", "2 of 2,000 deals failed: DEAL_99998, DEAL_99999", "log-failed", 610),
        ("to_invoice", "and a wait of 10 s, which ran out", "log-wait", 640),
    ],
    ids=["success", "wrong ids", "a wait that ran out"],
)
def test_a_log_says_how_the_task_ended(pages, night, picture, task_id, last, name, height):
    pages.open_log("nightly", night, task_id, last)

    pages.page.get_by_text("then firing trigger '").wait_for()
    picture(name, width=1400, height=height)


@pytest.mark.skipif(not IS_3, reason="the pages of Airflow 2 show XComs in another way")
def test_the_report_of_a_task_that_failed_is_among_its_xcoms(pages, night, picture):
    pages.open_report("nightly", night, "to_production")

    pages.page.get_by_text('"DEAL_99998"').wait_for()
    picture("report", width=1400, height=812)
