"""What a page on the web can have a browser do to a simulator on this machine: nothing."""

from __future__ import annotations

import json

import pytest

from airflow_provider_bitrix24.simulator.browsers import refusal
from airflow_provider_bitrix24.simulator.clock import Clock
from airflow_provider_bitrix24.simulator.testing import SimulatorServer
from tests.support.portal_client import PortalClient, add_sales_content

HERE = "127.0.0.1:8024"
FIRE = "/rest/1/sec/crm.automation.trigger/?target=DEAL_57&code=c5u4m"


@pytest.fixture(scope="module")
def shared():
    with SimulatorServer(clock=Clock(virtual=True)) as server:
        add_sales_content(server.portal)
        yield PortalClient(server)


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/_simulator/reset", {"Origin": "https://evil.example"}),
        ("POST", "/_simulator/reset", {"Origin": "null"}),
        ("POST", "/_simulator/reset", {"Origin": "http://localhost:3000"}),
        ("POST", "/_simulator/reset", {"Sec-Fetch-Site": "cross-site"}),
        ("PATCH", "/_simulator/items/DEAL_57", {"Origin": "https://evil.example"}),
        ("DELETE", "/_simulator/faults", {"Origin": "https://evil.example"}),
        ("POST", "/_simulator/tokens", {"Origin": "http://127.0.0.1:1"}),
        ("GET", FIRE, {"Sec-Fetch-Site": "cross-site"}),
        ("GET", FIRE, {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}),
        ("POST", "/rest/1/sec/crm.deal.delete", {"Origin": "http://6.6.6.6", "Content-Type": "text/plain"}),
        ("GET", "/_simulator/requests", {"Host": "evil.example"}),
        ("GET", "/_simulator/board/events", {"Host": "evil.example:8024"}),
        ("GET", FIRE, {"Host": "evil.example."}),
        ("GET", "/", {"Host": "127.0.0.1.evil.example"}),
        ("GET", "/", {"Host": "[::1"}),
        ("GET", "/oauth/token/?grant_type=refresh_token", {"Sec-Fetch-Site": "cross-site"}),
    ],
)
def test_a_page_from_elsewhere_is_refused(shared, method, path, headers):
    answer = shared.request(method, path, "{}" if method != "GET" else None, headers)
    assert answer.status in (400, 403)
    assert answer.status == 400 or "error" in json.loads(answer.body)
    assert shared.stage_of("DEAL_57") == "NEW"


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/_simulator/reset", {"Host": HERE}),
        ("POST", "/_simulator/reset", {"Host": HERE, "Origin": f"http://{HERE}", "Sec-Fetch-Site": "same-origin"}),
        ("GET", "/_simulator/board", {"Host": HERE, "Sec-Fetch-Site": "cross-site"}),
        ("GET", "/crm/deal/details/57/", {"Host": "localhost:8024", "Sec-Fetch-Site": "cross-site"}),
        ("GET", "/rest/1/sec/scope", {"Host": HERE, "Sec-Fetch-Site": "none"}),
        ("POST", "/rest/1/sec/scope", {"Host": HERE, "Origin": "http://localhost:3000"}),
        ("POST", "/rest/1/sec/scope", {"Host": HERE, "Origin": "http://[::1]:3000"}),
        ("POST", "/rest/1/sec/scope", {"Host": HERE, "Origin": "https://app.example"}),
        ("GET", "/rest/1/sec/scope", {"Host": "simulator:8024"}),
        ("GET", "/rest/1/sec/scope", {"Host": "app.example"}),
        ("GET", "/rest/1/sec/scope", {"Host": "[::1]:8024"}),
        ("GET", "/rest/1/sec/scope", {"Host": "10.0.0.5"}),
        ("GET", "/oauth/authorize/", {"Host": HERE, "Sec-Fetch-Site": "cross-site"}),
        ("GET", "/rest/1/sec/scope", {}),
    ],
)
def test_programs_and_own_pages_pass(method, path, headers):
    assert refusal(method, path, headers, {"app.example"}) is None


def test_a_portal_may_be_asked_by_the_name_that_it_was_given(client):
    assert client.get("scope", headers={"Host": "acme.bitrix24.example"}).status == 403
    client.portal.settings.domain = "acme.bitrix24.example"
    assert client.get("scope", headers={"Host": "acme.bitrix24.example"}).status == 200
