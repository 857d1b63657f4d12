from __future__ import annotations

import asyncio
import json
import socket

import pytest

from airflow_provider_bitrix24.simulator import threaded
from airflow_provider_bitrix24.simulator.server import PortalServer, PortInUseError
from airflow_provider_bitrix24.simulator.testing import SimulatorServer
from tests.support.portal_client import PATIENCE_SECONDS


def test_a_port_in_use_is_an_error():
    with SimulatorServer() as server:
        second = SimulatorServer(port=server.port)
        with pytest.raises(PortInUseError, match=f"port {server.port} on 127.0.0.1 is already in use"):
            second.start()
        assert second._thread is None


def test_a_server_that_does_not_listen_in_time_ends(monkeypatch):
    async def listen_never(*_, **__):
        await asyncio.Event().wait()

    monkeypatch.setattr(PortalServer, "start", listen_never)
    monkeypatch.setattr(threaded, "_START_SECONDS", 0)
    server = SimulatorServer()
    with pytest.raises(TimeoutError):
        server.start()
    assert server._thread is None


def test_a_server_whose_thread_has_no_event_loop_says_why(monkeypatch):
    def run(coroutine):
        coroutine.close()
        raise OSError("Too many open files")

    monkeypatch.setattr(asyncio, "run", run)
    with pytest.raises(OSError, match="Too many open files"):
        SimulatorServer().start()


def test_a_stopped_server_leaves_neither_thread_nor_port():
    server = SimulatorServer().start()
    thread, port = server._thread, server.port
    server.stop()
    server.stop()
    assert not thread.is_alive()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
    with SimulatorServer(port=port) as again:
        assert again.port == port


def test_a_seed_can_be_the_demo_a_file_or_a_dict(tmp_path):
    content = {"items": [{"target": "DEAL_5"}]}
    file = tmp_path / "seed.json"
    file.write_text(json.dumps(content))
    assert SimulatorServer(seed="demo").portal.stage_of("DEAL_57") == "NEW"
    for seed in (content, file, str(file)):
        assert SimulatorServer(seed=seed).portal.stage_of("DEAL_5") == "NEW"
    assert SimulatorServer().portal.find("DEAL_57") is None


def test_what_happened_is_there_without_detours(client):
    client.trigger("DEAL_57")
    server = client.server
    assert server.fires == server.moves == {"DEAL_57": 1}
    assert server.requests[-1].status == 200
    assert server.limits.level("127.0.0.1", server.clock.now()) == 1
    assert (server.faults.pending, server.latency.request_seconds, server.crashes) == (0, 0, [])
    assert server.trigger_url("c5u4m", "LEAD").endswith("/crm.automation.trigger/?target=LEAD_{{ID}}&code=c5u4m")
    assert server.trigger_url("c5u4m").startswith(server.system_webhook_url)
