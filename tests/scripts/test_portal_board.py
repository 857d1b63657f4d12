"""The board of the demo shows what the portal holds."""

from __future__ import annotations

from airflow_provider_bitrix24.simulator.testing import SimulatorServer
from scripts import portal_board
from scripts.json_http import ask


def test_the_board_shows_who_stands_where_and_who_has_moved():
    with SimulatorServer(seed="demo") as server:
        before = portal_board.read(server.webhook_url)
        ask(f"{server.webhook_url}crm.automation.trigger", {"target": "DEAL_57", "code": "c5u4m"})
        after = portal_board.read(server.webhook_url)

    assert before.moves_since(before) == []
    [line] = after.moves_since(before)
    assert line.split("(")[0].split() == ["DEAL_57", "New", "->", "Prepare", "documents"]
    shown = "\n".join(after.lines(after.moved_from(before)))
    assert shown.count("<== from New") == 1
    assert all(deal.title in shown for deal in after.deals.values())
    assert [line.strip() for line in before.lines() if not line.startswith("    ")] == ["Sales", "Delivery"]
