from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from airflow_provider_bitrix24.simulator.clock import VIRTUAL_START, Clock
from airflow_provider_bitrix24.simulator.portal import Portal
from airflow_provider_bitrix24.simulator.rest import RestService
from airflow_provider_bitrix24.simulator.testing import SimulatorServer
from tests.support.in_loop import until, webhook_request
from tests.support.portal_client import PortalClient, add_sales_content

FIRE = "crm.automation.trigger?target=DEAL_{}&code=c5u4m"


def test_latency_takes_the_portals_time(client):
    client.portal.latency.set(request_ms=20, command_ms=5)
    began = client.server.clock.now()
    client.batch({f"c{number}": "scope" for number in range(50)})
    assert client.server.clock.now() - began == pytest.approx(0.27, abs=1e-4)
    time = client.trigger("DEAL_57").json["time"]
    assert time["start"] == int(began)  # a whole second, from which the duration is counted
    assert time["duration"] == pytest.approx(0.27 + 0.025, abs=1e-3)


async def test_simultaneous_requests_do_not_add_up():
    clock = Clock(virtual=True, auto_advance=False)
    portal = Portal(clock=clock)
    add_sales_content(portal)
    portal.latency.set(request_ms=200)
    service = RestService(portal)
    requests = [asyncio.ensure_future(service.handle(webhook_request("scope"))) for _ in range(4)]
    await until(lambda: clock.waiting == 4)
    clock.advance(0.2)
    assert [response.status for response in await asyncio.gather(*requests)] == [200] * 4
    assert [recorded.duration for recorded in portal.requests] == [pytest.approx(0.2)] * 4


def test_slow_robots_run_inside_the_request(client):
    client.portal.add_robot("PREPARATION", seconds=0.73)
    for number in range(58, 68):
        client.portal.add_deal(id=number)
    response = client.batch([FIRE.format(number) for number in range(58, 68)])
    times = response.result["result_time"]
    assert len(times) == 10
    assert response.json["time"]["duration"] == pytest.approx(7.3, abs=0.01)
    assert times[-1]["operating"] == pytest.approx(7.3, abs=0.01)


def test_the_cloud_cuts_a_request_at_60_seconds(client):
    client.portal.latency.set(command_ms=7000)
    for number in range(58, 78):
        client.portal.add_deal(id=number)
    began = client.server.clock.now()
    response = client.batch([FIRE.format(number) for number in range(58, 78)])
    assert (response.status, response.headers["content-type"]) == (504, "text/html; charset=UTF-8")
    assert client.server.clock.now() - began == pytest.approx(60)
    assert [client.stage_of(f"DEAL_{number}") for number in (58, 65, 66, 77)] == [
        "PREPARATION",
        "PREPARATION",
        "NEW",
        "NEW",
    ]


def test_a_self_hosted_portal_cuts_nothing(clock):
    with SimulatorServer(clock=clock, plan="self-hosted") as server:
        add_sales_content(server.portal)
        server.latency.set(command_ms=70_000)
        assert PortalClient(server).trigger("DEAL_57").result is True


@pytest.mark.no_cover
def test_a_day_passes_in_virtual_time(client):
    client.portal.latency.set(request_ms=20)
    for hour in range(24):
        client.portal.add_deal(id=100 + hour)
        for _ in range(60):
            assert client.get("crm.item.get", f"entityTypeId=2&id={100 + hour}").status == 200
            client.server.clock.advance(60)
        assert client.trigger(f"DEAL_{100 + hour}").result is True
    assert client.server.clock.now() >= VIRTUAL_START + 24 * 3600
    rows = [client.portal.history_of(f"DEAL_{100 + hour}")[-1].time for hour in range(24)]
    assert all(later - earlier > 3600 for earlier, later in pairwise(rows))
    assert client.server.requests.statuses == {200: 24 * 61}
