"""Requests that no sound program sends to a simulator: refused by an answer of its own, and the board still opens."""

from __future__ import annotations

import re
import socket
from contextlib import suppress

import pytest

from airflow_provider_bitrix24.simulator.browsers import refusal
from airflow_provider_bitrix24.simulator.clock import Clock
from airflow_provider_bitrix24.simulator.testing import SimulatorServer
from tests.support.portal_client import PATIENCE_SECONDS, SECRET, PortalClient

HERE = "127.0.0.1:8024"
RESET, DELETE = "/_simulator/reset", "/rest/1/sec/crm.item.delete?entityTypeId=2&id=57"
STRANGERS = [
    "http://evil.example",
    "http://[evil.example",
    "http://[::1",
    "http://]",
    "http://[]",
    "http://[127.0.0.1]",
    "http://exa\u2100mple.com",
    "null",
    "",
    "*",
    "file://",
    "127.0.0.1:8024",
    "//127.0.0.1:8024",
    "ftp://127.0.0.1:8024",
    "http://127.0.0.1:8024@evil.example",
    "http://evil.example@127.0.0.1:8024",
    "http://127.0.0.1:8024.evil.example",
    "http://127.0.0.1:99999",
    "http://127.0.0.1:x",
    "http://127.0.0.1:8024/evil.example",
    "http://evil.example#127.0.0.1:8024",
    "http://evil.example\\@127.0.0.1:8024",
    "http://127.0.0.1:8024 http://evil.example",
    "http://127.0.0.1:8024,http://evil.example",
    "http://127.0.0.1%2eevil.example",
    "http://\udcff\udcfe",
]
SPELLINGS = [RESET, f"/{RESET}", "/./_simulator/reset", f"/x/..{RESET}", "/%5fsimulator/reset", "/_simulator%2freset"]
OTHER_NAMES = [
    "evil.example",
    "127.0.0.1.evil.example",
    "127.0.0.1:8024@evil.example",
    "user@127.0.0.1",
    "127.0.0.1/evil.example",
    "127.0.0.1:8024.evil.example",
    "127.0.0.1, evil.example",
    "evil.example#127.0.0.1",
    "[::1",
    "[v1.x]",
    "127.0.0.1:99999",
    ".",
    "\udcff\udcfe.x",
]
BROKEN_BODIES = {
    "not compressed": b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nabcde",
    "compressed otherwise": b"Content-Encoding: deflate\r\nContent-Length: 5\r\n\r\nabcde",
    "a length that is no number": b"Content-Length: x\r\n\r\nabcde",
    "two lengths": b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    "a length and chunks": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk without a size": b"Transfer-Encoding: chunked\r\n\r\nzz\r\nx",
    "a chunk of any size": b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\nx",
    "an encoding that nobody knows": b"Transfer-Encoding: xyz\r\n\r\nabc",
}
PARTS = [
    b"A: b\r\n" * 20_000 + b"\r\n",
    b'Content-Disposition: form-data; name="a"\r\nContent-Encoding: gzip\r\n\r\nzzz\r\n',
    b'Content-Disposition: form-data; name="a"\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!\r\n',
    b'Content-Disposition: form-data; name="a"\r\nContent-Type: text/plain; charset=xyz\r\n\r\nzzz\r\n',
    b"no header\r\n\r\nx\r\n",
    b'Content-Length: 99\r\nContent-Disposition: form-data; name="a"\r\n\r\nzzz\r\n',
]
MANY_DIGITS = "9" * 5_000


@pytest.fixture(scope="module")
def client():
    with SimulatorServer(clock=Clock(virtual=True), plan="self-hosted", seed="demo") as server:
        server.portal.accounts.add_webhook(1, SECRET, scopes=frozenset({"crm"}))
        yield PortalClient(server)
        assert server.crashes == []


def exchange(client, data):
    """What is answered to these bytes, up to the end of the connection."""
    with socket.create_connection(("127.0.0.1", client.server.port), timeout=PATIENCE_SECONDS) as connection:
        received = b""
        with suppress(ConnectionError):  # it closes a connection of which it does not want to read the rest
            connection.sendall(data)
        with suppress(ConnectionError):
            while block := connection.recv(65_536):
                received += block
    return received


def status_of(answer):
    return int(re.match(rb"HTTP/1\.[01] (\d\d\d) ", answer)[1])


def check_alive(client):
    for path in ("/_simulator/board", "/_simulator/", "/_simulator/requests"):
        assert client.request("GET", path).status == 200


@pytest.mark.parametrize("origin", STRANGERS)
def test_an_origin_in_another_spelling_is_refused(origin):
    for method, path in (("POST", RESET), ("PATCH", "/_simulator/items/DEAL_57"), ("GET", DELETE), ("POST", DELETE)):
        assert refusal(method, path, {"Host": HERE, "Origin": origin}, ())
        assert refusal(method, path, {"Origin": origin}, ())


@pytest.mark.parametrize("host", OTHER_NAMES)
def test_a_host_in_another_spelling_is_refused(host):
    for method, path in (("GET", "/_simulator/"), ("GET", "/"), ("POST", RESET), ("GET", DELETE)):
        assert refusal(method, path, {"Host": host}, ())


@pytest.mark.parametrize("origin", [each for each in STRANGERS if each.isascii()])
def test_no_spelling_of_a_path_lets_a_page_from_elsewhere_in(client, origin):
    for path in (*SPELLINGS, f"http://127.0.0.1{RESET}", f"http://evil.example{RESET}"):
        head = f"POST {path} HTTP/1.1\r\nHost: {HERE}\r\nOrigin: {origin}\r\nConnection: close\r\nContent-Length: 2\r\n"
        assert 400 <= status_of(exchange(client, f"{head}\r\n{{}}".encode())) < 500
    assert client.stage_of("DEAL_57")


@pytest.mark.parametrize("path", [RESET, "/_simulator/seed", "/rest/1/sec/profile", "/oauth/token/"])
@pytest.mark.parametrize("rest", BROKEN_BODIES.values(), ids=BROKEN_BODIES)
def test_a_body_that_cannot_be_read_is_refused(client, path, rest):
    head = f"POST {path} HTTP/1.1\r\nHost: {HERE}\r\nConnection: close\r\n".encode()
    assert 400 <= status_of(exchange(client, head + rest)) < 500
    check_alive(client)
    assert client.stage_of("DEAL_57")


@pytest.mark.parametrize("part", PARTS, ids=range(len(PARTS)))
def test_a_form_that_cannot_be_read_is_ignored(client, part):
    body = b"--x\r\n" + part + b"--x--\r\n"
    answer = client.request("POST", client.base + "profile", body, {"Content-Type": "multipart/form-data; boundary=x"})
    assert answer.status == 200
    check_alive(client)


@pytest.mark.parametrize(
    "path",
    [
        "/crm/deal/details/{}/",
        "/crm/type/{}/details/1/",
        "/_simulator/requests/{}",
        "/_simulator/requests?after={}",
        "/_simulator/items/DEAL_{}",
        "/_simulator/items/DYNAMIC_{}_1",
        "/{}",
        "/rest/{}/sec/profile",
    ],
)
@pytest.mark.parametrize("number", [MANY_DIGITS, "%D9%A3", "%C2%B2", "%00", "%FF", "-1"])
def test_a_path_with_an_odd_number_is_refused(client, path, number):
    assert 400 <= client.request("GET", path.format(number)).status < 500
    check_alive(client)


def test_the_changes_of_the_board_are_not_streamed_to_who_asks_for_the_headers(client):
    head = f"HEAD /_simulator/board/events HTTP/1.1\r\nHost: {HERE}\r\nConnection: close\r\n\r\n"
    assert status_of(exchange(client, head.encode())) == 405


def test_requests_in_one_piece_are_answered_one_after_the_other(client):
    once = f"GET /_simulator/clock HTTP/1.1\r\nHost: {HERE}\r\n\r\n"
    last = f"GET /_simulator/clock HTTP/1.1\r\nHost: {HERE}\r\nConnection: close\r\n\r\n"
    assert exchange(client, (once * 50 + last).encode()).count(b"HTTP/1.1 200 OK") == 51


@pytest.mark.parametrize("name", ["renamed_to", "domain", "oauth_host"])
@pytest.mark.parametrize(
    "host", ["a\x00b", "a\r\nSet-Cookie: b", "\ud800", "a b", "a/b", "user@a", "a" * 300, "\u0451"]
)
def test_a_host_that_no_header_can_hold_is_refused(client, name, host):
    status, answer = client.control("settings", {name: host})
    assert status == 400
    assert answer["error"].startswith(f"{name!r} cannot be ")
    check_alive(client)


def test_a_host_with_a_port_is_taken(client):
    assert client.control("settings", {"oauth_host": "oauth.example:8025"})[0] == 200
    assert client.control("settings", {"oauth_host": ""})[0] == 200
