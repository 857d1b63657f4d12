"""The board in a real browser: what it shows, and how it moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from airflow_provider_bitrix24.simulator.testing import SimulatorServer
from tests.support.board_page import call, column, count, fire, opened, titles, wait_for_count

if TYPE_CHECKING:
    from tests.support.board_page import Open

pytestmark = pytest.mark.ui

WATCH_FLIGHTS = """() => {
    window.flights = [];
    new MutationObserver((changes) => changes.forEach((change) => change.addedNodes.forEach((card) =>
        window.flights.push(card.querySelector('.title').textContent)))
    ).observe(document.getElementById('flights'), { childList: true });
}"""


def test_each_stage_is_a_column_with_its_colour_its_count_and_its_cards(demo: SimulatorServer, open_page: Open):
    page = opened(open_page, demo)
    names = page.locator("#columns .column h2").all_inner_texts()
    pipeline = demo.portal.pipelines[2, 0]
    assert names == [stage.name for stage in pipeline.stages]
    assert [count(page, stage.id) for stage in pipeline.stages] == ["3", "1", "0", "1", "0", "1", "0", "0"]
    head = page.locator(f"{column(page, 'WON')} header")
    assert head.evaluate("(element) => getComputedStyle(element).backgroundColor") == "rgb(123, 213, 0)"
    assert titles(page, "EXECUTING") == ["Fleet tracking, phase 2"]
    card = page.locator(f"{column(page, 'EXECUTING')} .card").inner_text()
    assert "22,300 USD" in card
    assert "DEAL_61" in card
    assert demo.clock.iso(demo.portal.find("DEAL_61").moved_time)[11:19] in card


def test_a_fired_trigger_lets_the_card_fly_to_its_new_column(demo: SimulatorServer, open_page: Open):
    page = opened(open_page, demo)
    page.evaluate(WATCH_FLIGHTS)
    fire(demo, "DEAL_57")
    wait_for_count(page, "PREPARATION", "2")
    assert titles(page, "PREPARATION")[0] == "Coffee machines for the Berlin office"
    assert count(page, "NEW") == "2"
    assert page.evaluate("window.flights") == ["Coffee machines for the Berlin office"]
    page.locator("#flights .card").wait_for(state="detached")
    assert page.locator(".card.away").count() == 0


def test_nothing_flies_for_people_who_asked_for_less_motion(demo: SimulatorServer, open_page: Open):
    page = opened(open_page, demo, reduced_motion="reduce")
    page.evaluate(WATCH_FLIGHTS)
    fire(demo, "DEAL_57")
    wait_for_count(page, "PREPARATION", "2")
    assert page.evaluate("window.flights") == []


def test_added_edited_and_otherwise_moved_items_appear_too(demo: SimulatorServer, open_page: Open):
    page = opened(open_page, demo)
    demo.portal.add_deal(id=900, stage="NEW", title="Brand new")
    wait_for_count(page, "NEW", "4")
    assert titles(page, "NEW")[0] == "Brand new"
    call(demo, "crm.item.update", entityTypeId=2, id=900, fields={"title": "Renamed", "stageId": "FINAL_INVOICE"})
    wait_for_count(page, "FINAL_INVOICE", "1")
    assert titles(page, "FINAL_INVOICE") == ["Renamed"]


def test_titles_and_parameters_are_text_and_never_markup(demo: SimulatorServer, open_page: Open):
    page = opened(open_page, demo)
    evil = "<img src=x onerror='window.hacked=1'><script>window.hacked=2</script>\"'&amp;"
    demo.portal.add_deal(id=901, stage="WON", title=evil)
    wait_for_count(page, "WON", "2")
    assert titles(page, "WON")[0] == evil
    page.locator("[data-id='901']").click()
    page.locator("#details[open]").wait_for()
    assert page.locator("#details-title").inner_text() == evil
    call(demo, "server.time", x="<img src=x onerror=window.hacked=3>")
    page.locator("#request-rows tr", has_text="onerror").wait_for()
    assert page.evaluate("window.hacked") is None
    assert page.locator("body img").count() == 0


def test_type_and_pipeline_are_switched_without_a_reload_and_kept_in_the_address(
    demo: SimulatorServer, open_page: Open
):
    page = opened(open_page, demo)
    page.evaluate("window.same = true")
    page.get_by_role("link", name="Delivery").click()
    page.locator(column(page, "C5:NEW")).wait_for()
    assert titles(page, "C5:NEW") == ["Delivery 2026/115", "Delivery 2026/114"]
    page.get_by_role("link", name="Invoices").click()
    page.locator(column(page, "DT31_2:N")).wait_for()
    assert page.locator("#types [aria-current]").inner_text().startswith("Invoices")
    assert page.evaluate("window.same")
    assert "type=SMART_INVOICE&category=2" in page.url
    page.go_back()
    page.locator(column(page, "C5:NEW")).wait_for()
    page.reload()
    page.locator(column(page, "C5:NEW")).wait_for()
    assert page.locator("#pipelines [aria-current]").inner_text() == "Delivery"


def test_an_unknown_pipeline_in_the_address_shows_one_that_exists(demo: SimulatorServer, open_page: Open):
    page = open_page(f"{demo.board_url}?type=NONSENSE&category=99")
    page.locator(column(page, "NEW")).wait_for()
    assert page.locator("#pipelines [aria-current]").inner_text() == "Sales"


def test_the_last_requests_show_method_status_time_error_and_fault_but_no_secret(
    demo: SimulatorServer, open_page: Open
):
    page = opened(open_page, demo)
    fire(demo, "DEAL_57")
    demo.faults.script(["html:502:after"])
    assert call(demo, "crm.automation.trigger", target="DEAL_58", code="exec", ap="topsecret").status_code == 502
    assert call(demo, "crm.automation.trigger").status_code == 400
    rows = page.locator("#request-rows tr")
    rows.nth(2).wait_for()
    newest, faulty, plain = (rows.nth(index).locator("td").all_inner_texts() for index in range(3))
    assert (newest[1], newest[2], newest[6]) == ("400", "POST crm.automation.trigger", "(empty error code)")
    assert faulty[1] == "502"
    assert "html" in faulty[6]
    assert (plain[1], plain[3]) == ("200", "target=DEAL_57, code=c5u4m")
    assert plain[5].endswith(" ms")
    assert len(plain[0]) == len("12:34:56")
    assert page.locator("#statuses").inner_text().split("\n") == ["200 \u00d7 1", "400 \u00d7 1", "502 \u00d7 1"]
    for secret in (demo.webhook_url.split("/")[-2], "topsecret"):
        assert secret not in page.content()


def test_a_hundred_thousand_deals_are_counted_and_two_hundred_of_them_shown(open_page: Open):
    seed = {
        "generate": [
            {"type": "DEAL", "count": 100_000},
            {"type": "DEAL", "count": 9, "first_id": 200_000, "stage": "WON"},
        ]
    }
    with SimulatorServer(seed=seed) as server:
        page = opened(open_page, server)
        page.locator(".card").first.wait_for()
        assert (count(page, "NEW"), count(page, "WON")) == ("100,000", "9")
        assert page.locator("#columns .card").count() == 200
        assert page.locator(f"{column(page, 'NEW')} .rest").inner_text() == "newest 191 of 100,000"
        assert titles(page, "NEW")[0] == "Deal 100000"


def test_nothing_is_loaded_from_elsewhere_and_the_browser_would_refuse_it(demo: SimulatorServer, open_page: Open):
    page = opened(open_page, demo)
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url))
    page.reload()
    page.locator("#columns .card").first.wait_for()
    assert len(seen) > 5
    assert [url for url in seen if not url.startswith((demo.url, "data:"))] == []
    policy = requests.get(demo.board_url, timeout=10).headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
