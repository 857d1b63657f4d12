"""The command and the server in a thread: they start and stop at once, or say why not."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request

import pytest

from airflow_provider_bitrix24.simulator.__main__ import main
from airflow_provider_bitrix24.simulator.server import PortInUseError
from airflow_provider_bitrix24.simulator.testing import SimulatorServer, bitrix24_portal, connection_json

__all__ = ["bitrix24_portal"]

COMMAND = [sys.executable, "-m", "airflow_provider_bitrix24.simulator"]


@pytest.fixture
def start():
    """Start the command; everything that it started is gone at the end of the test."""
    started = []

    def run(*arguments):
        process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def fetch(url, context=None):
    with urllib.request.urlopen(url, timeout=10, context=context) as answer:
        return json.load(answer)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_it_is_told_to_stop(start, number):
    process = start("--port", "0", "--json", "--plan", "enterprise", "--request-ms", "1")
    addresses = json.loads(process.stdout.readline())
    assert fetch(addresses["webhook_url"] + "crm.automation.trigger/?target=DEAL_57&code=c5u4m")["result"] is True
    state = fetch(addresses["control_url"])
    assert (state["plan"], state["moves"]) == ("enterprise", 1)
    began = time.monotonic()
    process.send_signal(number)
    assert process.wait(10) == 0
    assert time.monotonic() - began < 3


def test_it_stops_at_once_though_a_request_is_being_worked_on(start):
    process = start("--port", "0", "--json", "--request-ms", "50000")
    addresses = json.loads(process.stdout.readline())
    with socket.create_connection(("127.0.0.1", addresses["port"]), timeout=10) as connection:
        path = addresses["webhook_url"].partition(f":{addresses['port']}")[2]
        connection.sendall(f"GET {path}scope HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        stream = socket.create_connection(("127.0.0.1", addresses["port"]), timeout=10)
        stream.sendall(b"GET /_simulator/board/events HTTP/1.1\r\nHost: x\r\n\r\n")
        stream.recv(100)
        began = time.monotonic()
        process.terminate()
        assert process.wait(10) == 0
        assert time.monotonic() - began < 3
        stream.close()


def test_what_the_command_prints(start):
    process = start("--port", "0")
    lines = [process.stdout.readline() for _ in range(4)]
    assert lines[0] == "Bitrix24 simulator, plan standard. Stop it with Ctrl+C.\n"
    assert "/rest/1/" in lines[1]
    assert "crm.automation.trigger/?target=DEAL_{{ID}}&code=c5u4m" in lines[2]
    assert lines[3].strip().endswith("/_simulator/board")


def test_a_port_in_use_is_one_line_and_status_2(start):
    with SimulatorServer() as server:
        process = start("--port", str(server.port))
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 2
    assert errors == f"bitrix24-simulator: port {server.port} on 127.0.0.1 is already in use\n"


def test_another_address_is_warned_about(start):
    process = start("--port", "0", "--host", "127.0.0.2")
    assert "127.0.0.2" in [process.stdout.readline() for _ in range(2)][1]
    process.terminate()
    _, errors = process.communicate(timeout=10)
    assert errors.startswith("Warning: whoever reaches 127.0.0.2:")


def test_tls(start, tmp_path):
    ca_file = tmp_path / "ca.pem"
    process = start("--port", "0", "--json", "--tls", "--ca-file", str(ca_file))
    addresses = json.loads(process.stdout.readline())
    assert addresses["webhook_url"].startswith("https://127.0.0.1:")
    trusting = ssl.create_default_context(cafile=str(ca_file))
    assert fetch(addresses["webhook_url"] + "scope", trusting)["result"] == ["crm"]
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        fetch(addresses["webhook_url"] + "scope", ssl.create_default_context())


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "seed.json is no JSON"), ('{"items": [{"target": "X"}]}', "'X' names no entity"), (None, "cannot read")],
)
def test_a_seed_that_cannot_be_used(tmp_path, capsys, content, message):
    path = tmp_path / "seed.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    assert main(["--port", "0", "--seed", str(path)]) == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert errors.count("\n") == 1


def test_an_address_of_somebody_else(capsys):
    assert main(["--port", "0", "--host", "192.0.2.1"]) == 2
    errors = capsys.readouterr().err
    assert "cannot listen on 192.0.2.1 port 0" in errors
    assert "in use" not in errors


def test_a_port_in_use_fails_a_test_server_at_once():
    with SimulatorServer() as server:
        began = time.monotonic()
        with pytest.raises(PortInUseError, match=f"port {server.port} on 127.0.0.1 is already in use"):
            SimulatorServer(port=server.port).start()
        assert time.monotonic() - began < 5


def test_a_server_stops_without_leaving_anything():
    before = threading.active_count()
    server = SimulatorServer().start()
    port = server.port
    server.stop()
    server.stop()
    assert threading.active_count() == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    with SimulatorServer(port=port) as again:
        assert again.port == port


def test_the_fixture_gives_a_portal_and_the_connection(bitrix24_portal):
    connection = json.loads(os.environ["AIRFLOW_CONN_BITRIX24_DEFAULT"])
    assert connection == {"conn_type": "bitrix24", "password": bitrix24_portal.webhook_url}
    assert connection_json(bitrix24_portal.webhook_url) == os.environ["AIRFLOW_CONN_BITRIX24_DEFAULT"]
    bitrix24_portal.portal.add_deal(id=57)
    bitrix24_portal.portal.add_trigger("PREPARATION", code="c5u4m")
    url = bitrix24_portal.trigger_url("c5u4m").replace("{{ID}}", "57")
    assert fetch(url)["result"] is True
    assert bitrix24_portal.portal.stage_of("DEAL_57") == "PREPARATION"
    assert bitrix24_portal.fires == bitrix24_portal.moves == {"DEAL_57": 1}
    assert bitrix24_portal.requests[-1].status == 200
    assert bitrix24_portal.limits.level("127.0.0.1", bitrix24_portal.clock.now()) > 0
    assert bitrix24_portal.faults.pending == 0
    assert bitrix24_portal.latency.request_seconds == 0


def test_a_seeded_server():
    with SimulatorServer(seed="demo") as server:
        assert fetch(server.board_url.removesuffix("board"))["items"] > 5


def test_the_simulator_imports_neither_airflow_nor_an_http_client():
    program = (
        "import sys, airflow_provider_bitrix24.simulator.__main__, airflow_provider_bitrix24.simulator.server;"
        "print([name for name in ('airflow', 'requests', 'httpx', 'pytest', 'airflow_provider_bitrix24.client')"
        " if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("arguments", [["--json"], []])
def test_the_command_inside_this_process(capsys, tmp_path, arguments):
    with SimulatorServer() as server:
        port = server.port
    answers = []

    def ask_and_stop():
        end = time.monotonic() + 20
        while not answers and time.monotonic() < end:
            try:
                answers.append(fetch(f"http://127.0.0.1:{port}/_simulator/"))
            except OSError:
                time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    asker = threading.Thread(target=ask_and_stop)
    asker.start()
    assert main(["--port", str(port), "--virtual-clock", *arguments]) == 0
    asker.join()
    assert answers[0]["items"] > 5
    assert f"http://127.0.0.1:{port}/_simulator/board" in capsys.readouterr().out
