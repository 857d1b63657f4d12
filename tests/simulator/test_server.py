from __future__ import annotations

import asyncio
import http.client
import json
import socket
from urllib.parse import urlencode, urlsplit

import pytest
from aiohttp.test_utils import make_mocked_request

from airflow_provider_bitrix24.simulator.clock import Clock
from airflow_provider_bitrix24.simulator.portal import Portal
from airflow_provider_bitrix24.simulator.server import (
    ListenError,
    PortalServer,
    PortInUseError,
    _refuse_unreadable_bodies,
)
from airflow_provider_bitrix24.simulator.testing import SimulatorServer
from tests.support.in_loop import batch_of_fires, until
from tests.support.portal_client import PATIENCE_SECONDS, PortalClient, add_sales_content


def test_the_absolute_form_of_a_request_is_understood(client):
    with socket.create_connection(("127.0.0.1", client.server.port), timeout=PATIENCE_SECONDS) as connection:
        target = f"{client.server.url}/rest/1/sec/crm.automation.trigger/?target=DEAL_57&code=c5u4m"
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while block := connection.recv(65536):
            answer += block
    assert answer.startswith(b"HTTP/1.1 200")
    assert client.stage_of("DEAL_57") == "PREPARATION"


@pytest.mark.parametrize("fault", ["cut:after", "reset:after", "cut_body:after", "truncated"])
def test_faults_end_tls_connections_too(clock, fault):
    with SimulatorServer(clock=clock, tls=True) as server:
        add_sales_content(server.portal)
        portal = PortalClient(server)
        server.faults.script([fault])
        if fault == "truncated":
            assert portal.trigger("DEAL_57").status == 200
        else:
            with pytest.raises((OSError, http.client.HTTPException)):
                portal.trigger("DEAL_57")
        assert portal.trigger("DEAL_57").result is True
        assert server.moves["DEAL_57"] == 1
        assert server.crashes == []


async def test_the_execution_continues_when_the_client_hangs_up():
    clock = Clock(virtual=True, auto_advance=False)
    portal = Portal(clock=clock)
    add_sales_content(portal)
    portal.add_deal(id=58)
    portal.latency.set(command_ms=1000)
    server = PortalServer(portal)
    port = await server.start()
    try:
        batch = batch_of_fires(57, 58)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET /rest/{batch.path}?{batch.query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await until(lambda: clock.waiting == 1)
        writer.transport.abort()
        await until(reader.at_eof)
        await until(lambda: all(each.transport is None for each in server._runner.server.connections))
        for number in (57, 58):
            clock.advance(1)
            await until(lambda target=f"DEAL_{number}": portal.stage_of(target) == "PREPARATION")
    finally:
        await server.stop()


async def test_a_port_in_use_and_an_address_of_another_machine_are_errors_that_name_them():
    first = PortalServer(Portal())
    port = await first.start()
    try:
        with pytest.raises(PortInUseError, match=f"port {port} on 127.0.0.1 is already in use"):
            await PortalServer(Portal()).start(port=port)
    finally:
        await first.stop()
    with pytest.raises(ListenError, match=r"cannot listen on 192\.0\.2\.1 port 0"):
        await PortalServer(Portal()).start(host="192.0.2.1")


def test_the_authorization_server_can_have_an_address_of_its_own(clock):
    with SimulatorServer(clock=clock, seed="demo", oauth_port=0) as server:
        assert server.oauth_url != server.url
        portal, elsewhere = PortalClient(server), urlsplit(server.oauth_url)
        page = portal.request("GET", "/oauth/authorize/?client_id=local.s1mulat0r").body.decode()
        assert portal.oauth(grant_type="refresh_token").status == 404
        credentials = {"client_id": "local.s1mulat0r", "client_secret": "s1mulat0rappl1cat10n"}
        query = urlencode({"grant_type": "authorization_code", "code": page.split("code>")[1][:-2], **credentials})
        connection = http.client.HTTPConnection(elsewhere.hostname, elsewhere.port, timeout=PATIENCE_SECONDS)
        connection.request("GET", f"/oauth/token/?{query}")
        pair = json.loads(connection.getresponse().read())
        connection.request("GET", "/rest/scope")
        assert connection.getresponse().status == 404
        connection.close()
    assert (pair["server_endpoint"], pair["client_endpoint"]) == (f"{server.oauth_url}/rest/", f"{server.url}/rest/")


async def test_a_client_that_leaves_while_it_sends_a_body_is_no_error_of_the_simulator():
    """aiohttp would log a traceback; a client that is killed leaves so."""

    async def reading(_):
        raise ConnectionResetError("Connection lost")

    response = await _refuse_unreadable_bodies(make_mocked_request("POST", "/rest/1/x/scope"), reading)
    assert response.status == 400
