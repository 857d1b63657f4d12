from __future__ import annotations

import re
from typing import TYPE_CHECKING

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


def served(server: SimulatorServer, name: str) -> str:
    answer = requests.get(f"{server.url}/_simulator/board/{name}", timeout=PATIENCE_SECONDS)
    answer.raise_for_status()
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    return answer.text


def test_the_page_names_only_files_that_are_served(server: SimulatorServer):
    page = requests.get(f"{server.url}/", timeout=PATIENCE_SECONDS)
    assert page.url == server.board_url
    waiting = re.findall(r'(?:src|href)="board/([\w.]+)"', page.text)
    found = set()
    while waiting:
        found.add(name := waiting.pop())
        waiting += set(re.findall(r'from "\./(\w+\.js)"', served(server, name))) - found
    assert found == {
        "board.css",
        "board.js",
        "columns.js",
        "details.js",
        "dragging.js",
        "elements.js",
        "motion.js",
        "panels.js",
        "requests.js",
    }


@pytest.mark.parametrize(
    ("page", "board"),
    [
        ("/crm/deal/details/57/", "type=DEAL&category=0&open=DEAL_57"),
        ("/crm/deal/details/63/", "type=DEAL&category=5&open=DEAL_63"),
        ("/crm/lead/details/4/", "type=LEAD&category=0&open=LEAD_4"),
        ("/crm/type/31/details/12/", "type=SMART_INVOICE&category=2&open=SMART_INVOICE_12"),
        ("/crm/type/177/details/5/", "type=DYNAMIC_177&category=12&open=DYNAMIC_177_5"),
    ],
)
def test_an_entitys_page_redirects_to_the_board_of_its_pipeline(server: SimulatorServer, page: str, board: str):
    answer = requests.get(server.url + page, timeout=PATIENCE_SECONDS)

    assert answer.status_code == 200
    assert answer.url == f"{server.board_url}?{board}"


@pytest.mark.parametrize(
    "page", ["/crm/deal/details/999/", "/crm/type/199/details/5/", "/crm/order/details/5/", "/crm/deal/details/x/"]
)
def test_a_missing_entity_has_no_page(server: SimulatorServer, page: str):
    assert requests.get(server.url + page, timeout=PATIENCE_SECONDS).status_code == 404
