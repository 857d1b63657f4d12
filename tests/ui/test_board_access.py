"""The board by keyboard and by dragging, for readers of screens, in light and dark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.board_page import column, fire, opened, wait_for_count

if TYPE_CHECKING:
    from airflow_provider_bitrix24.simulator.testing import SimulatorServer
    from tests.support.board_page import Open

pytestmark = pytest.mark.ui

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
        ".codes code",
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
