"""What the board tells beyond its cards: codes, the commands of a batch, an entity's history; and starting over."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_bitrix24.simulator.testing import SimulatorServer
from tests.support.board_page import call, column, fire, opened, titles, wait_for_count

if TYPE_CHECKING:
    from tests.support.board_page import Open

pytestmark = pytest.mark.ui

CUT_OFF = """(selector) => [...document.querySelectorAll(selector)]
    .filter((each) => each.scrollWidth > each.clientWidth + 1 || each.scrollHeight > each.clientHeight + 1)
    .map((each) => each.textContent)"""


def test_columns_show_the_codes_that_lead_to_them(demo: SimulatorServer, open_page: Open):
    demo.portal.add_trigger("WON", conditions={"title": "x"}, allow_backwards=True)
    page = opened(open_page, demo)
    codes = {
        stage.id: page.locator(f"{column(page, stage.id)} .codes code").all_inner_texts()
        for stage in demo.portal.pipelines[2, 0].stages
    }
    assert codes["PREPARATION"] == ["c5u4m"]
    assert codes["WON"] == ["paid", "any code"]
    assert codes["NEW"] == []
    last = page.locator(f"{column(page, 'WON')} .codes code").last
    assert last.get_attribute("title") == "webhook trigger, 1 condition, also moves back"
    demo.portal.add_trigger("NEW", code="back", allow_backwards=True)
    page.locator(f"{column(page, 'NEW')} .codes code", has_text="back").wait_for()


def test_a_batch_opens_with_each_command_and_its_answer(demo: SimulatorServer, open_page: Open):
    page = opened(open_page, demo)
    commands = {f"c{number}": f"crm.automation.trigger?target=DEAL_{number}&code=c5u4m" for number in range(57, 60)}
    call(demo, "batch", cmd=commands)
    opener = page.get_by_role("button", name="crm.automation.trigger x 3, code=c5u4m")
    opener.press("Enter")
    rows = page.locator(".commands tr")
    rows.nth(3).wait_for()
    assert rows.nth(1).locator("td").all_inner_texts() == [
        "c57", "crm.automation.trigger", "target=DEAL_57, code=c5u4m", "true",
    ]  # fmt: skip
    assert opener.get_attribute("aria-expanded") == "true"
    call(demo, "batch", cmd={"wrong": "crm.deal.get?id=0", "none": "nosuch"})
    page.locator("#request-rows .opener").nth(1).wait_for()
    assert rows.count() == 4, "it stays open when requests come in"
    assert page.evaluate("document.activeElement.dataset.number") == opener.get_attribute("data-number")
    page.locator("#request-rows .opener").first.click()
    page.locator(".commands .bad", has_text="ERROR_METHOD_NOT_FOUND: Method not found!").wait_for()
    opener.click()
    page.get_by_text("DEAL_57, code").wait_for(state="detached")


def test_the_page_of_an_entity_opens_its_card_among_100_000(open_page: Open):
    seed = {"generate": [{"type": "DEAL", "count": 100_000}], "triggers": [{"stage": "PREPARATION", "code": "c5u4m"}]}
    with SimulatorServer(seed=seed) as server:
        fire(server, "DEAL_7")
        server.portal.add_item(3, 7, title="Ada")
        page = open_page(f"{server.url}/crm/deal/details/7/")
        page.locator("#details[open]").wait_for()
        assert page.locator("#details-title").inner_text() == "Deal 7"
        shown = page.locator("#details-fields").inner_text()
        moved = server.clock.iso(server.portal.find("DEAL_7").moved_time)
        assert f"{moved[:10]} {moved[11:19]} by a trigger or robot" in shown
        assert "Prepare documents (PREPARATION)" in shown
        assert "moved_time" not in shown
        history = page.locator("#details-history li").all_inner_texts()
        assert [entry.split("\n")[-1] for entry in history] == ["created at New", "moved to Prepare documents"]
        page.get_by_role("button", name="Close").click()
        page.locator("#details[open]").wait_for(state="detached")
        page.wait_for_url(lambda url: "open=" not in url)
        page = open_page(f"{server.url}/crm/contact/details/7/")
        page.locator("#details[open]").wait_for()
        assert page.locator("#details-choice").is_hidden()


def test_a_button_brings_the_demo_back(demo: SimulatorServer, open_page: Open):
    page = opened(open_page, demo)
    fire(demo, "DEAL_57")
    wait_for_count(page, "PREPARATION", "2")
    page.get_by_role("button", name="Start over").click()
    page.get_by_role("button", name="Cancel").click()
    assert demo.portal.stage_of("DEAL_57") == "PREPARATION"
    page.get_by_role("button", name="Start over").click()
    page.locator("#confirm-ok").click()
    wait_for_count(page, "PREPARATION", "1")
    assert "Coffee machines for the Berlin office" in titles(page, "NEW")
    assert demo.portal.moves == {}


@pytest.mark.parametrize("width", [1400, 420])
def test_all_columns_and_their_names_fit(demo: SimulatorServer, open_page: Open, width: int):
    page = opened(open_page, demo, viewport={"width": width, "height": 860})
    assert page.evaluate(CUT_OFF, ".column h2") == []
    assert page.evaluate(CUT_OFF, ".codes code") == []
    sizes = page.evaluate("[document.querySelector('main').scrollWidth, document.documentElement.scrollWidth]")
    assert sizes[1] == width, "the page itself never scrolls sideways"
    assert (sizes[0] == width) is (width == 1400), "eight columns fit at 1,400 px; at 420 px one slides to them"
    page.locator("[data-id='57']").click()
    page.locator("#details[open]").wait_for()
    box = page.locator("#details").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width


@pytest.mark.parametrize(("width", "name"), [(1400, "board"), (420, "board-phone")])
def test_an_opened_batch_fits_and_its_picture_is_taken(
    demo: SimulatorServer, open_page: Open, tmp_path: Path, width: int, name: str
):
    """``SCREENSHOTS=docs/images`` keeps the picture."""
    page = opened(open_page, demo, viewport={"width": width, "height": 860}, reduced_motion="reduce")
    demo.faults.script(["refuse"])
    for _ in range(2):
        call(
            demo,
            "batch",
            cmd={f"c{deal}": f"crm.automation.trigger?target=DEAL_{deal}&code=c5u4m" for deal in (57, 58)},
        )
    wait_for_count(page, "PREPARATION", "3")

    page.get_by_role("button", name="crm.automation.trigger x 2, code=c5u4m").first.click()
    page.locator(".commands tr").nth(2).wait_for()
    page.locator("#request-rows").evaluate("""(rows) => {
        for (let each = rows; each; each = each.parentElement) each.scrollLeft = 0;
    }""")

    assert page.evaluate("document.documentElement.scrollWidth") == width, "the page itself never scrolls sideways"
    path = Path(os.environ.get("SCREENSHOTS", tmp_path)) / f"{name}.png"
    page.screenshot(path=path, animations="disabled")
    assert path.stat().st_size > 10_000
