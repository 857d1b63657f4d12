from __future__ import annotations

import io
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import urllib.request

import pytest

from airflow_provider_bitrix24.simulator.__main__ import main
from airflow_provider_bitrix24.simulator.testing import SimulatorServer
from tests.support.portal_client import PATIENCE_SECONDS

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
    with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS, context=context) as answer:
        return json.load(answer)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_a_signal_stops_it(start, number):
    process = start("--port", "0", "--json", "--plan", "enterprise", "--profile", "2026-09", "--request-ms", "1")
    addresses = json.loads(process.stdout.readline())
    assert fetch(addresses["webhook_url"] + "crm.automation.trigger/?target=DEAL_57&code=c5u4m")["result"] is True
    state = fetch(addresses["control_url"])
    assert (state["plan"], state["moves"]) == ("enterprise", 1)
    assert fetch(addresses["control_url"] + "limits")["operating"]["profile"] == "2026-09"
    process.send_signal(number)
    assert process.wait(PATIENCE_SECONDS) == 0


def test_it_stops_in_the_middle_of_a_request_and_of_a_stream(start):
    process = start("--port", "0", "--json", "--request-ms", str(24 * 3600 * 1000))
    addresses = json.loads(process.stdout.readline())
    with socket.create_connection(("127.0.0.1", addresses["port"]), timeout=PATIENCE_SECONDS) as connection:
        path = addresses["webhook_url"].partition(f":{addresses['port']}")[2]
        connection.sendall(f"GET {path}scope HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        stream = socket.create_connection(("127.0.0.1", addresses["port"]), timeout=PATIENCE_SECONDS)
        stream.sendall(b"GET /_simulator/board/events HTTP/1.1\r\nHost: x\r\n\r\n")
        stream.recv(100)
        process.terminate()
        assert process.wait(PATIENCE_SECONDS) == 0
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
        _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 2
    assert errors == f"bitrix24-simulator: port {server.port} on 127.0.0.1 is already in use\n"


def test_an_address_that_others_can_reach_is_warned_about(start):
    process = start("--port", "0", "--host", "127.0.0.2")
    assert "127.0.0.2" in [process.stdout.readline() for _ in range(2)][1]
    process.terminate()
    _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert errors.startswith("Warning: anybody who reaches 127.0.0.2:")


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
    [
        ("{", "seed.json is not valid JSON"),
        ("[" * 100_000, "seed.json is not valid JSON"),
        ('{"items": [{"target": "X"}]}', "'X' names no entity"),
        (None, "cannot read"),
    ],
)
def test_a_seed_that_cannot_be_used_is_one_line_and_status_2(tmp_path, capsys, content, message):
    path = tmp_path / "seed.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    assert main(["--port", "0", "--seed", str(path)]) == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tls-name", "my_host"], "no certificate can name these hosts"),
        (["--ca-file", "missing/ca.pem"], "cannot write missing/ca.pem: No such file or directory"),
    ],
)
def test_tls_that_cannot_be_set_up_is_one_line_and_status_2(tmp_path, monkeypatch, capsys, options, message):
    monkeypatch.chdir(tmp_path)
    assert main(["--port", "0", "--tls", *options]) == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert errors.count("\n") == 1


def test_an_address_of_another_machine_is_one_line_and_status_2(capsys):
    assert main(["--port", "0", "--host", "192.0.2.1"]) == 2
    errors = capsys.readouterr().err
    assert "cannot listen on 192.0.2.1 port 0" in errors
    assert "in use" not in errors


def test_the_simulator_imports_neither_airflow_nor_an_http_client():
    program = (
        "import sys, airflow_provider_bitrix24.simulator.__main__, airflow_provider_bitrix24.simulator.server;"
        "print([name for name in ('airflow', 'requests', 'httpx', 'pytest', 'airflow_provider_bitrix24.client')"
        " if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


class Announcement(io.StringIO):
    """A standard output that tells when the command has printed its addresses."""

    def __init__(self):
        super().__init__()
        self.complete = threading.Event()

    def flush(self):
        self.complete.set()


@pytest.mark.parametrize("arguments", [["--json"], []])
def test_the_command_inside_this_process(monkeypatch, arguments):
    monkeypatch.setattr(sys, "stdout", output := Announcement())
    answers = []

    def ask_and_stop():
        output.complete.wait(PATIENCE_SECONDS)
        if address := re.search(r"http://127.0.0.1:\d+/_simulator/", output.getvalue()):
            answers.append(fetch(address[0]))
        os.kill(os.getpid(), signal.SIGINT)

    asker = threading.Thread(target=ask_and_stop)
    asker.start()
    assert main(["--port", "0", "--virtual-clock", *arguments]) == 0
    asker.join()
    assert answers[0]["items"] > 5
