"""The board in a real browser: what it shows, how it moves, what it survives."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
import requests

from airflow_provider_bitrix24.simulator.testing import SimulatorServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page

    Open = Callable[..., Page]

pytestmark = pytest.mark.ui

WATCH_FLIGHTS = """() => {
    window.flights = [];
    new MutationObserver((changes) => changes.forEach((change) => change.addedNodes.forEach((card) =>
        window.flights.push(card.querySelector('.title').textContent)))
    ).observe(document.getElementById('flights'), { childList: true });
}"""
WATCH_COUNTS = """(selector) => {
    window.counts = new Set();
    const count = document.querySelector(selector);
    new MutationObserver(() => window.counts.add(count.textContent))
        .observe(count, { childList: true, characterData: true, subtree: true });
}"""
CONTRAST = """(selector) => {
    const channels = (color) => color.match(/[\\d.]+/g).map(Number);
    const light = ([red, green, blue]) => [red, green, blue].map((each) => each / 255)
        .map((each) => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4)
        .reduce((sum, each, index) => sum + each * [0.2126, 0.7152, 0.0722][index], 0);
    const ground = (element) => {
        const color = channels(getComputedStyle(element).backgroundColor);
        return color.length === 4 && color[3] === 0 ? ground(element.parentElement) : color;
    };
    return [...document.querySelectorAll(selector)].map((element) => {
        const [one, other] = [light(channels(getComputedStyle(element).color)), light(ground(element))];
        return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    });
}"""


@pytest.fixture
def demo() -> Iterator[SimulatorServer]:
    with SimulatorServer(seed="demo") as server:
        yield server
        assert server.crashes == []


def column(page: Page, stage: str) -> str:
    return f"#columns .column[data-stage='{stage}']"


def titles(page: Page, stage: str) -> list[str]:
    return page.locator(f"{column(page, stage)} .card .title").all_text_contents()


def count(page: Page, stage: str) -> str:
    return page.locator(f"{column(page, stage)} .count").inner_text()


def wait_for_count(page: Page, stage: str, expected: str) -> None:
    page.locator(f"{column(page, stage)} .count", has_text=expected).wait_for()
    assert count(page, stage) == expected


def fire(server: SimulatorServer, target: str, code: str = "c5u4m") -> None:
    assert call(server, "crm.automation.trigger", target=target, code=code).json()["result"] is True


def call(server: SimulatorServer, method: str, **params: object) -> requests.Response:
    return requests.post(f"{server.webhook_url}{method}", json=params, timeout=30)


def control(server: SimulatorServer, name: str, data: object) -> None:
    requests.post(f"{server.url}/_simulator/{name}", json=data, timeout=60).raise_for_status()


def opened(open_page: Open, server: SimulatorServer, **options: object) -> Page:
    page = open_page(server.board_url, **options)
    page.locator("#live[data-state=live]").wait_for()
    page.locator("#columns .column").first.wait_for()
    return page


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


def test_five_thousand_moves_are_shown_as_they_happen_and_end_right(open_page: Open):
    seed = {"generate": [{"type": "DEAL", "count": 100_000}], "triggers": [{"stage": "PREPARATION", "code": "c"}]}
    with SimulatorServer(seed=seed, plan="self-hosted") as server:
        page = opened(open_page, server)
        page.evaluate(WATCH_COUNTS, f"{column(page, 'PREPARATION')} .count")
        script = threading.Thread(target=fire_in_batches, args=(server, 5000))
        script.start()
        while script.is_alive():
            page.wait_for_timeout(100)
        script.join()
        wait_for_count(page, "PREPARATION", "5,000")
        assert count(page, "NEW") == "95,000"
        assert page.locator("#columns .card").count() == 200
        assert titles(page, "PREPARATION")[0] == "Deal 5000"
        assert page.evaluate("window.counts.size") > 2, "the board was only brought up to date at the end"
        assert server.crashes == []


def fire_in_batches(server: SimulatorServer, deals: int) -> None:
    """Fire one deal after the other, 50 a request, 20 requests a second: six times as fast as 5,000 in 30 s."""
    pause = threading.Event()
    for first in range(1, deals + 1, 50):
        cmd = {f"c{deal}": f"crm.automation.trigger?target=DEAL_{deal}&code=c" for deal in range(first, first + 50)}
        call(server, "batch", cmd=cmd)
        pause.wait(0.05)


def test_a_reset_empties_the_board_and_a_seed_fills_it_again(demo: SimulatorServer, open_page: Open):
    page = opened(open_page, demo)
    control(demo, "reset", {})
    page.locator("#empty:not([hidden])").wait_for()
    assert page.locator("#columns .card").count() == 0
    pipeline = {"type": "DEAL", "id": 0, "name": "Short", "stages": [["NEW", "Start"], ["WON", "Done", "S", "#123456"]]}
    control(demo, "reset", {"pipelines": [pipeline], "items": [{"target": "DEAL_1", "stage": "WON", "title": "Kept"}]})
    page.get_by_role("link", name="Short").wait_for()
    assert page.locator("#columns .column").count() == 2
    assert titles(page, "WON") == ["Kept"]


def test_the_board_comes_back_by_itself_after_a_restart_on_the_same_port(open_page: Open):
    with SimulatorServer(seed="demo") as first:
        page = opened(open_page, first)
        port = first.port
    # An open board does not keep the simulator from stopping.
    page.locator("#live[data-state=lost]").wait_for()
    assert page.locator("#live").inner_text() == "reconnecting"
    with SimulatorServer(port=port, seed={"items": [{"target": "DEAL_1", "title": "After the restart"}]}) as second:
        page.locator(".card", has_text="After the restart").wait_for()
        page.locator("#live[data-state=live]").wait_for()
        assert page.locator("#columns .card").count() == 1
        assert second.crashes == []


def test_sample_items_fill_an_empty_pipeline(open_page: Open):
    with SimulatorServer() as server:
        page = opened(open_page, server)
        page.get_by_role("button", name="Add 20 sample items").click()
        wait_for_count(page, "NEW", "20")
        assert page.locator("#empty").is_hidden()


def test_the_keyboard_reaches_every_card_opens_it_and_moves_it(demo: SimulatorServer, open_page: Open):
    page = opened(open_page, demo)
    focused = "document.activeElement.querySelector('.title')?.textContent"
    assert page.locator("#columns .card[tabindex='0']").count() == 1, "one stop for Tab, not one per card"
    page.locator("#columns .card[tabindex='0']").focus()
    assert page.evaluate(focused) == "Warehouse scanners"
    page.keyboard.press("ArrowDown")
    assert page.evaluate(focused) == "Annual support contract"
    page.keyboard.press("ArrowRight")
    assert page.evaluate(focused) == "Migration to the cloud"
    page.keyboard.press("ArrowRight")
    assert page.evaluate(focused) == "Fleet tracking, phase 2", "empty columns are passed over"
    page.keyboard.press("Enter")
    page.locator("#details[open]").wait_for()
    assert "EXECUTING" in page.locator("#details-fields").inner_text()
    page.locator("#details-stage").select_option("WON")
    page.get_by_role("button", name="Move", exact=True).press("Enter")
    wait_for_count(page, "WON", "2")
    assert demo.portal.stage_of("DEAL_61") == "WON"
    assert demo.portal.find("DEAL_61").moved_by == 1
    assert page.evaluate(focused) == "Fleet tracking, phase 2", "the focus stays on the card that moved"


def test_a_focused_card_keeps_the_focus_when_a_dag_moves_it(demo: SimulatorServer, open_page: Open):
    page = opened(open_page, demo)
    page.locator("[data-id='57']").focus()
    fire(demo, "DEAL_57")
    wait_for_count(page, "PREPARATION", "2")
    assert page.evaluate("document.activeElement.dataset.id") == "57"


def test_a_card_can_be_dragged_and_a_refusal_is_told(demo: SimulatorServer, open_page: Open):
    page = opened(open_page, demo)
    demo.portal.add_veto("LOSE")
    page.drag_and_drop("[data-id='57']", f"{column(page, 'EXECUTING')} .body")
    wait_for_count(page, "EXECUTING", "2")
    assert demo.portal.stage_of("DEAL_57") == "EXECUTING"
    page.drag_and_drop("[data-id='58']", f"{column(page, 'LOSE')} .body")
    page.locator("#toast", has_text="refused").wait_for()
    assert demo.portal.stage_of("DEAL_58") == "NEW"


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_can_be_read_in_light_and_dark(demo: SimulatorServer, open_page: Open, scheme: str):
    page = opened(open_page, demo, color_scheme=scheme)
    fire(demo, "DEAL_57")
    page.locator("#request-rows .status").first.wait_for()
    for selector in (
        ".card .title",
        ".card .meta",
        ".column h2",
        ".column .count",
        "nav a",
        "dt",
        ".status",
        "th",
        "td",
    ):
        ratios = page.evaluate(CONTRAST, selector)
        assert ratios, selector
        assert min(ratios) >= 4.5, (selector, ratios)


def test_the_theme_button_overrides_the_system_and_is_remembered(demo: SimulatorServer, open_page: Open):
    page = opened(open_page, demo, color_scheme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="Theme: auto").click()
    page.get_by_role("button", name="Theme: light").click()
    dark = page.evaluate(ground)
    assert dark != light
    page.reload()
    page.get_by_role("button", name="Theme: dark").wait_for()
    assert page.evaluate(ground) == dark


def test_columns_and_switches_have_names_for_screen_readers(demo: SimulatorServer, open_page: Open):
    page = opened(open_page, demo)
    for stage in demo.portal.pipelines[2, 0].stages:
        page.get_by_role("region", name=stage.name, exact=True).wait_for()
    page.get_by_role("navigation", name="Pipelines").wait_for()
    page.get_by_role("main", name="Board").wait_for()
    page.get_by_role("img", name="success").wait_for()
    assert page.get_by_role("status").inner_text() == "live"
