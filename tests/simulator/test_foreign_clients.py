"""Bitrix24 clients that others wrote run unmodified against a real simulator process, over https.

``pytest -m foreign``. The Python clients have an environment of their own, which is made once; the JavaScript SDK needs
Node and npm. The session scripts in ``foreign/`` print what each client did; it is checked here, together with the
portal's own records.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.support.portal_client import PATIENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.foreign

FOLDER = Path(__file__).parent / "foreign"
PORTAL_NAME = "portal.bitrix24.example"
OAUTH_NAME = "oauth.bitrix24.tech"
"""Where the official Python SDK refreshes tokens; the address cannot be configured."""
APPLICATION = {"client_id": "local.5f0c", "client_secret": "appsecret"}
SEED = {
    "generate": [{"type": "DEAL", "count": 120}, {"type": "LEAD", "count": 120}],
    "triggers": [{"stage": "PREPARATION", "code": "c5u4m"}],
    "applications": [APPLICATION],
}
SESSION_SECONDS = 120
INSTALL_SECONDS = 600


@dataclass
class Simulator:
    """A simulator process with TLS, and the certificate that clients must trust."""

    port: int
    webhook_url: str
    ca: Path

    @property
    def address(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, data: Any = None) -> Any:
        answer = requests.request(method, f"{self.address}/_simulator/{path}", json=data, verify=self.ca, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def stage_of(self, target: str) -> str:
        return self.ask("GET", f"items/{target}")["stage"]

    def expired_tokens(self) -> dict[str, str]:
        """Issue a pair of tokens and let their hour pass."""
        pair = self.ask("POST", "tokens", {"client_id": APPLICATION["client_id"]})
        self.ask("POST", "clock", {"advance": 3601})
        return {"access_token": pair["access_token"], "refresh_token": pair["refresh_token"], **APPLICATION}

    def statuses_of(self, method: str) -> list[tuple[int, str | None]]:
        seen = self.ask("GET", "requests?last=10000")["requests"]
        return [(each["status"], each["error"]) for each in seen if each["method"] == method]

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of a client that trusts this portal and knows no proxy but the one given."""
        kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        trust = dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"), str(self.ca))
        return {**kept, **trust, **more}


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    seed, ca = tmp_path / "seed.json", tmp_path / "ca.pem"
    seed.write_text(json.dumps(SEED))
    command = [sys.executable, "-m", "airflow_provider_bitrix24.simulator", "--port", "0", "--json"]
    command += ["--tls", "--ca-file", ca, "--tls-name", PORTAL_NAME, "--tls-name", OAUTH_NAME, "--seed", seed]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            started = json.loads(process.stdout.readline())
            yield Simulator(started["port"], started["webhook_url"], ca)
        finally:
            process.terminate()
            process.wait(PATIENCE_SECONDS)
    assert process.returncode == 0


class Tunnel:
    """An HTTP proxy that leads known host names to the simulator and refuses all others.

    So a client can use a portal's real name, and the one authorization server that it has built in, unmodified.
    """

    def __init__(self, names: tuple[str, ...], port: int) -> None:
        self.asked: list[str] = []
        self._targets = {f"{name}:443": port for name in names}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the listener was closed
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(4096)
            method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
            self.asked.append(target)
            if method != "CONNECT" or target not in self._targets:
                client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                return
            with socket.create_connection(("127.0.0.1", self._targets[target])) as portal:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=_copy, args=(portal, client), daemon=True)
                back.start()
                _copy(client, portal)
                back.join()


def _copy(source: socket.socket, destination: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            destination.sendall(data)
        destination.shutdown(socket.SHUT_WR)


@pytest.fixture(scope="module")
def foreign_python(request: pytest.FixtureRequest) -> str:
    """The interpreter of an environment that has the Python clients; made at the first run, then kept."""
    wanted = FOLDER / "requirements.txt"
    folder = _kept_folder(request, "python", wanted)
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", wanted], check=True, timeout=INSTALL_SECONDS)
        (folder / "complete").touch()
    return str(python)


@pytest.fixture(scope="module")
def node_folder(request: pytest.FixtureRequest) -> Path:
    """A folder with the JavaScript SDK and the session script; made at the first run, then kept."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node and npm are not installed")
    folder = _kept_folder(request, "node", FOLDER / "package.json")
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "complete").exists():
        shutil.copy(FOLDER / "package.json", folder)
        install = [npm, "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
        subprocess.run(install, cwd=folder, check=True, timeout=INSTALL_SECONDS)
        (folder / "complete").touch()
    shutil.copy(FOLDER / "b24jssdk_session.mjs", folder)
    return folder


def _kept_folder(request: pytest.FixtureRequest, name: str, wanted: Path) -> Path:
    digest = hashlib.sha256(wanted.read_bytes() + sys.version.encode()).hexdigest()[:12]
    return Path(request.config.cache.mkdir("bitrix24-foreign")) / f"{name}-{digest}"


def session(command: list[str], portal: dict[str, str], environment: dict[str, str], cwd: Path | None = None) -> Any:
    done = subprocess.run(
        [*command, json.dumps(portal)],
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=SESSION_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def tunnel(simulator: Simulator) -> Iterator[Tunnel]:
    opened = Tunnel((PORTAL_NAME, OAUTH_NAME), simulator.port)
    yield opened
    opened.close()


def test_b24pysdk(simulator: Simulator, foreign_python: str, tunnel: Tunnel):
    simulator.ask("POST", "settings", {"domain": PORTAL_NAME, "oauth_host": OAUTH_NAME})
    portal = {"domain": PORTAL_NAME, "webhook_token": "/".join(simulator.webhook_url.split("/")[-3:-1])}
    portal |= simulator.expired_tokens()
    script = [foreign_python, str(FOLDER / "b24pysdk_session.py")]
    seen = session(script, portal, simulator.environment(HTTPS_PROXY=tunnel.address))

    webhook = seen["webhook"]
    assert webhook["single"] is True
    assert webhook["time"] == {"operating": 0, "zone": "3:00:00"}
    assert webhook["batch"] == {f"deal{number}": True for number in range(2, 52)}
    assert [simulator.stage_of(f"DEAL_{number}") for number in (1, 2, 51, 52)] == ["PREPARATION"] * 3 + ["NEW"]
    assert webhook["mixed"] == [[True], {"1": {"error": "", "error_description": "Target is not found."}}]
    assert webhook["items"] == list(range(1, 121))
    assert webhook["deals"] == [str(number) for number in range(1, 121)]
    assert sorted(map(int, webhook["deals_fast"])) == list(range(1, 121))
    assert webhook["missing"] == ["BitrixAPINotFound", "Element not found"]
    assert webhook["no_target"] == ["BitrixAPIBadRequest", "Target is not found."]
    assert webhook["unknown_method"] == ["BitrixAPINotFound", "Method not found!"]
    assert webhook["user"] == "1"

    oauth = seen["oauth"]
    assert oauth["first"] is True
    assert oauth["renewed"]
    assert oauth["known_to_expire"]
    assert oauth["registered"] is True
    assert oauth["listed"] == [{"NAME": "From the SDK", "CODE": "from_sdk"}]
    assert oauth["executed"] is True
    assert oauth["wrong_token"][0] == "BitrixAPIInvalidToken"
    assert oauth["wrong_refresh"][0] == "BitrixOAuthInvalidGrant"
    assert simulator.stage_of("DEAL_70") == "PREPARATION"
    assert simulator.statuses_of("crm.automation.trigger").count((401, "expired_token")) == 1
    assert f"{OAUTH_NAME}:443" in tunnel.asked
    assert set(tunnel.asked) <= {f"{OAUTH_NAME}:443", f"{PORTAL_NAME}:443"}


def test_fast_bitrix24(simulator: Simulator, foreign_python: str):
    portal = {"webhook_url": simulator.webhook_url, "rest_url": f"{simulator.address}/rest/"}
    portal |= {"token_url": f"{simulator.address}/oauth/token/", **simulator.expired_tokens()}
    seen = session([foreign_python, str(FOLDER / "fast_bitrix24_session.py")], portal, simulator.environment())

    sync = seen["sync"]
    assert sync["single"] is True
    assert sync["raw"]["result"] is True
    assert sync["batch"] == [True] * 50
    assert sorted(sync["items"]) == list(range(1, 121))
    assert sorted(map(int, sync["leads"])) == list(range(1, 121))
    assert sync["by_id"] == ["1", "2", "3"]
    assert sync["list_and_get"] == 120
    assert sync["stage_history"] == 120 + 52, "a row for each deal's creation and one for each of 52 moves"
    assert sorted(sync["categories"]) == [0, 5]
    assert sync["missing"][0] == "ErrorInServerResponseException"
    assert "Not found" in sync["missing"][1]
    assert "Target is not found." in sync["no_target"][1]
    assert "Target is not found." in sync["one_of_two"][1]
    assert simulator.stage_of("DEAL_61") == "PREPARATION", "the other command of that batch was executed"

    asynchronous = seen["async"]
    assert asynchronous["single"] is True
    assert asynchronous["batch"] == [True] * 50
    assert sorted(map(int, asynchronous["deals"])) == list(range(1, 121))
    assert asynchronous["together"] == 360

    assert seen["oauth"] == {"fired": True, "tokens_asked_for": 2}
    assert simulator.stage_of("DEAL_4") == "PREPARATION"


def test_b24jssdk(simulator: Simulator, node_folder: Path):
    portal = {"webhook_url": simulator.webhook_url, "rest_url": f"{simulator.address}/rest/"}
    portal |= {"domain": f"127.0.0.1:{simulator.port}", **simulator.expired_tokens()}
    seen = session(["node", "b24jssdk_session.mjs"], portal, simulator.environment(), node_folder)

    webhook = seen["webhook"]
    assert webhook["single"] is True
    assert {"start", "finish", "duration", "processing", "operating", "operating_reset_at"} <= set(webhook["time"])
    assert webhook["batch"] == {f"deal{number}": True for number in range(2, 52)}
    assert webhook["mixed"] == [True, False, True]
    assert "Element not found" in str(webhook["mixed_errors"])
    assert webhook["empty_code"] == [True, True], (
        "the SDK takes an error with an empty code for a success; see the docs"
    )
    assert webhook["items"] == list(range(1, 121))
    assert webhook["pages"] == [50, 50, 20]
    assert webhook["page"] == [50, 120, True]
    assert "Element not found" in str(webhook["missing"])
    assert webhook["no_target"]["status"] == 400, "its text is lost on the way: the SDK reads it only beside a code"
    assert [simulator.stage_of(f"DEAL_{number}") for number in (1, 51, 60, 61)] == ["PREPARATION"] * 4

    assert seen["oauth"] == {"first": True, "renewed": [True], "admin": True}
    assert simulator.stage_of("DEAL_70") == "PREPARATION"
