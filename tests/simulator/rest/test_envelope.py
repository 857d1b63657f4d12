from __future__ import annotations

import json

import pytest

from airflow_provider_bitrix24.simulator.clock import Clock
from airflow_provider_bitrix24.simulator.testing import SimulatorServer
from tests.support.portal_client import PortalClient, add_sales_content


def test_xml(client):
    response = client.get("crm.automation.trigger.xml", "target=DEAL_57&code=c5u4m")
    assert response.headers["content-type"] == "text/xml; charset=utf-8"
    assert response.body.startswith(b"<response><result>1</result><time><start>")
    refused = client.get("crm.automation.trigger.xml")
    assert refused.status == 400
    assert refused.body == (
        b"<response><error></error><error_description>Target is not set.</error_description></response>"
    )


def test_a_result_that_cannot_be_encoded_is_lost_with_status_200(client):
    client.post("crm.item.update", {"entityTypeId": 2, "id": 57, "fields": {"title": "\ud800"}})
    response = client.get("crm.item.get", "entityTypeId=2&id=57")
    assert (response.status, response.json["error"]) == (200, "WRONG_ENCODING")


def test_json_is_escaped_as_the_portal_escapes_it(client):
    client.portal.find("DEAL_57").title = '<a href="/x">Müller & Söhne</a> \'\\"'
    body = client.get("crm.item.get", "entityTypeId=2&id=57").body.decode()
    assert r"\u003Ca href=\u0022\/x\u0022\u003EMüller \u0026 Söhne\u003C\/a\u003E \u0027\\\u0022" in body
    assert json.loads(body)["result"]["item"]["title"] == '<a href="/x">Müller & Söhne</a> \'\\"'


@pytest.mark.parametrize(("plan", "shown"), [("self-hosted", False), ("standard", True)])
def test_only_the_cloud_shows_operating_time(plan, shown):
    with SimulatorServer(clock=Clock(virtual=True, start=1_800_000_000.25), plan=plan) as server:
        add_sales_content(server.portal)
        time = PortalClient(server).get("scope").json["time"]
        assert time["start"] == 1_800_000_000
        assert ("operating" in time, "operating_reset_at" in time) == (shown, shown)
        server.portal.settings.time_format = "float"
        assert PortalClient(server).get("scope").json["time"]["start"] == 1_800_000_000.25
