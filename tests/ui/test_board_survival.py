"""The board at 100,000 items, at thousands of moves, after a reset and after a restart."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from airflow_provider_bitrix24.simulator.testing import SimulatorServer
from tests.support.board_page import call, column, control, count, opened, titles, wait_for_count

if TYPE_CHECKING:
    from tests.support.board_page import Open

pytestmark = pytest.mark.ui

WATCH_COUNTS = """(selector) => {
    window.counts = new Set();
    const count = document.querySelector(selector);
    new MutationObserver(() => window.counts.add(count.textContent))
        .observe(count, { childList: true, characterData: true, subtree: true });
}"""


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
