from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

from airflow_provider_bitrix24.simulator.testing import SimulatorServer
from tests.support.portal_client import PATIENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def server() -> Iterator[SimulatorServer]:
    with SimulatorServer(seed="demo") as running:
        yield running
        assert running.crashes == []


def next_event(lines: Iterator[str], name: str) -> dict[str, Any]:
    for line in lines:
        if line == f"event: {name}":
            return json.loads(next(lines).removeprefix("data: "))
    raise AssertionError(f"the stream ended without {name}")


def test_the_stream_begins_with_the_board_and_continues_with_changes(server: SimulatorServer):
    address = f"{server.url}/_simulator/board/events?type=DEAL&category=5"
    with requests.get(address, stream=True, timeout=PATIENCE_SECONDS) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        lines = answer.iter_lines(decode_unicode=True)
        board = next_event(lines, "board")
        assert board["columns"]["C5:NEW"]["count"] == 2
        requests.get(
            f"{server.webhook_url}crm.automation.trigger?target=DEAL_63&code=delivered", timeout=PATIENCE_SECONDS
        )
        assert next_event(lines, "change")["columns"]["C5:WON"] == {"count": 1, "ids": [63]}


def test_half_a_character_and_a_missing_amount_close_no_board(server: SimulatorServer):
    half = "half \ud800 a character"
    server.portal.add_deal(title=half, extra={"currencyId": half})
    posted = f'{{"entityTypeId": 2, "fields": {{"title": {json.dumps(half)}}}}}'
    json_type = {"Content-Type": "application/json"}
    requests.post(f"{server.webhook_url}crm.item.add", posted, headers=json_type, timeout=PATIENCE_SECONDS)
    with requests.get(f"{server.url}/_simulator/board/events", stream=True, timeout=PATIENCE_SECONDS) as answer:
        lines = answer.iter_lines(decode_unicode=True)
        titles = [card["title"] for card in next_event(lines, "board")["cards"]]
        assert titles.count(half) == 2
        assert "half" in next_event(lines, "requests")["requests"][0]["parameters"]
    listed = requests.get(f"{server.url}/_simulator/requests", timeout=PATIENCE_SECONDS)
    assert listed.json()["requests"][0]["params"]["fields"]["title"] == half
