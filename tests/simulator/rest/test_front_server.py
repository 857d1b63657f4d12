from __future__ import annotations

import asyncio
import http.client

import pytest

from airflow_provider_bitrix24.simulator.clock import Clock
from airflow_provider_bitrix24.simulator.portal import Portal
from airflow_provider_bitrix24.simulator.portal.faults import Fault, FaultKind
from airflow_provider_bitrix24.simulator.rest import RestService
from tests.support.in_loop import batch_of_fires, until
from tests.support.portal_client import add_sales_content, assert_accepted, assert_moved_once


def test_the_51st_fast_request_is_refused(client):
    for _ in range(50):
        assert client.get("scope").status == 200
    response = client.trigger("DEAL_57")
    assert response.status == 503
    assert response.json == {"error": "QUERY_LIMIT_EXCEEDED", "error_description": "Too many requests"}
    assert "retry-after" not in response.headers
    assert client.stage_of("DEAL_57") == "NEW"
    client.server.clock.advance(0.5)
    assert client.trigger("DEAL_57").result is True


def test_a_renamed_portal_redirects_every_request(client):
    client.portal.settings.renamed_to = "new.bitrix24.example"
    response = client.get("crm.automation.trigger/", "target=DEAL_57&code=c5u4m")
    assert response.status == 302
    assert response.headers["location"] == (
        "https://new.bitrix24.example/rest/1/sec/crm.automation.trigger/?target=DEAL_57&code=c5u4m"
    )
    assert response.body == b""
    assert client.stage_of("DEAL_57") == "NEW"


def test_a_portal_with_an_expired_licence_redirects_every_request(client):
    client.portal.settings.license_expired = True
    response = client.trigger("DEAL_57")
    assert (response.status, response.headers["location"]) == (302, "/bitrix/coupon_activation.php")


def outcome(client):
    """Return the status of one trigger call, or how the connection ended."""
    try:
        return client.trigger("DEAL_57").status
    except http.client.IncompleteRead:
        return "cut body"
    except http.client.RemoteDisconnected:
        return "cut"
    except ConnectionResetError:
        return "reset"


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("cut", "cut"),
        ("reset", "reset"),
        ("cut_body", "cut body"),
        ("truncated", 200),
        ("empty", 200),
        ("html", 502),
        ("html:200", 200),
        ("html:403", 403),
        ("html:503", 503),
        ("html:504", 504),
        ("error", 500),
    ],
)
def test_each_fault_before_and_after_the_effect(client, kind, expected, when):
    client.server.faults.script([f"{kind}:{when}"])
    assert outcome(client) == expected
    assert client.stage_of("DEAL_57") == ("PREPARATION" if when == "after" else "NEW")
    assert outcome(client) == 200
    assert client.server.requests[0].fault == f"{kind.partition(':')[0]}:{when}"


@pytest.mark.parametrize(
    ("kind", "status", "error"),
    [
        ("refuse", 503, "QUERY_LIMIT_EXCEEDED"),
        ("expired_token", 401, "expired_token"),
        ("invalid_token", 401, "invalid_token"),
    ],
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_refusals_are_never_executed(client, kind, status, error, when):
    client.server.faults.script([f"{kind}:{when}"])
    assert client.trigger("DEAL_57").error[:2] == (status, error)
    assert client.stage_of("DEAL_57") == "NEW"


def test_a_delay_before_and_after_the_effect(client):
    began = client.server.clock.now()
    client.server.faults.script(
        [Fault(kind=FaultKind.DELAY, seconds=30), Fault(kind=FaultKind.DELAY, seconds=5, when="after")]
    )
    assert client.trigger("DEAL_57").result is True
    assert client.server.clock.now() - began == pytest.approx(30)
    assert client.portal.history_of("DEAL_57")[-1].time - began == pytest.approx(30)
    assert client.trigger("DEAL_57", "exec").result is True
    assert client.portal.history_of("DEAL_57")[-1].time - began == pytest.approx(30)
    assert client.server.clock.now() - began == pytest.approx(35)


def test_a_script_is_taken_step_by_step(client):
    client.server.faults.script([None, "html:502", None])
    assert [outcome(client) for _ in range(4)] == [200, 502, 200, 200]
    assert client.server.faults.pending == 0


def test_a_repeated_script_hits_every_fourth_request(client):
    client.server.faults.script([None, None, None, "reset:after"], repeat=True)
    assert [outcome(client) for _ in range(8)] == [200, 200, 200, "reset"] * 2
    client.server.faults.clear()
    assert outcome(client) == 200


@pytest.mark.parametrize("kind", [FaultKind.CUT, FaultKind.RESET])
def test_the_effect_remains_when_the_connection_is_lost(client, kind):
    client.server.faults.script([Fault(kind=kind, when="after")])
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        client.trigger("DEAL_57")
    assert_moved_once(client)
    assert_accepted(client.trigger("DEAL_57"))
    assert client.portal.moves["DEAL_57"] == 1


async def test_the_execution_may_continue_after_the_cut(clock):
    portal = portal_with_deals(clock, *range(58, 78))
    portal.settings.execution_after_cut = "continue"
    portal.latency.set(command_ms=7000)
    response = await RestService(portal).handle(batch_of_fires(*range(58, 78)))
    assert response.status == 504
    await until(lambda: portal.stage_of("DEAL_77") == "PREPARATION")


async def test_the_execution_continues_after_the_connection_was_reset():
    clock = Clock(virtual=True, auto_advance=False)
    portal = portal_with_deals(clock, 58)
    portal.latency.set(command_ms=1000)
    portal.faults.script([Fault(kind=FaultKind.RESET, when="after", seconds=1.5)])
    request = asyncio.ensure_future(RestService(portal).handle(batch_of_fires(57, 58)))
    await until(lambda: clock.waiting == 2)  # the execution, and the end of the connection
    clock.advance(1)
    await until(lambda: portal.stage_of("DEAL_57") == "PREPARATION")
    clock.advance(0.5)
    assert (await request).connection == "reset"
    assert portal.stage_of("DEAL_58") == "NEW"
    clock.advance(0.5)
    await until(lambda: portal.stage_of("DEAL_58") == "PREPARATION")


async def test_abandoned_executions_end(clock):
    portal = portal_with_deals(clock)
    portal.settings.execution_after_cut = "continue"
    clock.auto_advance = False
    portal.latency.set(command_ms=70_000)
    service = RestService(portal)
    request = asyncio.ensure_future(service.handle(batch_of_fires(57)))
    await until(lambda: clock.waiting == 2)
    clock.advance(60)
    assert (await request).status == 504
    service.abandon()
    await until(lambda: clock.waiting == 0)
    assert portal.stage_of("DEAL_57") == "NEW"
    assert service.crashes == []


async def test_of_a_request_that_its_client_gave_up_only_the_execution_remains(clock):
    portal = portal_with_deals(clock)
    portal.settings.execution_after_cut = "continue"
    clock.auto_advance = False
    portal.latency.set(command_ms=1000)
    request = asyncio.ensure_future(RestService(portal).handle(batch_of_fires(57)))
    await until(lambda: clock.waiting == 2)
    request.cancel()
    await until(lambda: clock.waiting == 1)
    clock.advance(1)
    await until(lambda: portal.stage_of("DEAL_57") == "PREPARATION")


def portal_with_deals(clock, *deals):
    portal = Portal(clock=clock)
    add_sales_content(portal)
    for number in deals:
        portal.add_deal(id=number)
    return portal
