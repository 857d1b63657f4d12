"""The same failure of a real socket is the same error for both drivers, and shows neither URL nor secret."""

from __future__ import annotations

import socket
import ssl
import time

import pytest
from odd_server import FINE, OddServer, answering, hanging_up, mute, resetting, send, silent

from airflow_provider_bitrix24.client.errors import (
    ConfigurationError,
    ConnectFailed,
    OutcomeUnknown,
    ProtocolError,
)
from airflow_provider_bitrix24.client.portal import Portal
from airflow_provider_bitrix24.client.wire import Reply
from airflow_provider_bitrix24.simulator.testing import SimulatorServer

PATH = "rest/1/s3cr3t%25%26"


def failure(kind, url, **settings):
    [outcome] = send(kind, url, **settings)
    error = outcome.reply
    for shown in (str(error), repr(error), repr(vars(error))):
        assert "s3cr3t" not in shown
        assert "rest/1" not in shown
    assert error.__cause__ is None
    assert error.__context__ is None
    return type(error), error.executed, error.permanent


def free_port(*, holding=""):
    """A port on which nobody listens."""
    ports = (0,) if not holding else (number for number in range(10_000, 65_000) if holding in str(number))
    for port in ports:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return probe.getsockname()[1]
    raise AssertionError("no port is free")


both_kinds = pytest.mark.parametrize("kind", ["sync", "async"])
NOT_SENT = (ConnectFailed, "no", False)
NEVER = (ConnectFailed, "no", True)
UNKNOWN = (OutcomeUnknown, "unknown", False)


@both_kinds
def test_nobody_listens(kind):
    assert failure(kind, f"http://127.0.0.1:{free_port()}/{PATH}/") == NOT_SENT


@both_kinds
def test_a_host_without_address(kind, monkeypatch):
    def unknown(*_args, **_kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert failure(kind, f"https://no-such-portal.invalid/{PATH}/") == NOT_SENT


@both_kinds
def test_a_connection_that_is_never_accepted(kind):
    with socket.socket() as crowded:
        crowded.bind(("127.0.0.1", 0))
        crowded.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        try:
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(crowded.getsockname())
            url = f"http://127.0.0.1:{crowded.getsockname()[1]}/{PATH}/"
            assert failure(kind, url, connect_timeout=0.1, read_timeout=30) == NOT_SENT
        finally:
            for filler in fillers:
                filler.close()


@both_kinds
def test_an_answer_that_does_not_come_in_time(kind):
    with OddServer(silent) as server:
        begun = time.monotonic()
        url = f"http://127.0.0.1:{server.port}/{PATH}/"
        assert failure(kind, url, connect_timeout=30, read_timeout=0.1) == UNKNOWN
        assert time.monotonic() - begun < 5


@both_kinds
@pytest.mark.parametrize(
    "behave",
    [
        pytest.param(answering(b""), id="closed without an answer"),
        pytest.param(resetting, id="reset"),
        pytest.param(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"), id="body cut"),
        pytest.param(answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"), id="chunk cut"),
        pytest.param(answering(b"SSH-2.0-OpenSSH_9.9\r\n"), id="not HTTP"),
        pytest.param(
            answering(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd"), id="bad gzip"
        ),
    ],
)
def test_a_connection_that_breaks_after_the_request_was_sent(kind, behave):
    with OddServer(behave) as server:
        assert failure(kind, f"http://127.0.0.1:{server.port}/{PATH}/") == UNKNOWN
        assert len(server.heard) == 1


@both_kinds
def test_a_certificate_that_is_not_trusted_and_one_that_is(kind, tmp_path):
    authority = tmp_path / "ca.pem"
    with SimulatorServer(tls=True) as server:
        authority.write_text(server.certificate)
        url = server.webhook_url
        assert failure(kind, url) == NEVER
        [trusted] = send(kind, url, ca_bundle=str(authority))
        [unchecked] = send_unchecked(kind, url)
        assert failure(kind, url.replace("127.0.0.1", "127.0.0.2"), ca_bundle=str(authority))[0] is ConnectFailed
    assert trusted.reply.code == unchecked.reply.code == "ERROR_METHOD_NOT_FOUND"


def send_unchecked(kind, url):
    if kind == "async":
        return send(kind, url, verify_tls=False)
    with pytest.warns(Warning, match="Unverified HTTPS request"):
        return send(kind, url, verify_tls=False)


@both_kinds
def test_https_to_a_port_that_speaks_http(kind):
    with SimulatorServer() as server:
        assert failure(kind, f"https://127.0.0.1:{server.port}/{PATH}/") == NEVER


@both_kinds
def test_a_tls_handshake_that_is_cut_or_never_ends_was_not_the_last_word(kind):
    for behave in (hanging_up, mute):
        with OddServer(behave) as server:
            url = f"https://127.0.0.1:{server.port}/{PATH}/"
            _, executed, permanent = failure(kind, url, connect_timeout=0.2, read_timeout=0.2)
        assert permanent is False
        assert executed in ("no", "unknown")


@both_kinds
@pytest.mark.parametrize("content", ["no certificate", "", None])
def test_authorities_that_cannot_be_read_are_named_before_anything_is_sent(kind, tmp_path, content):
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigurationError, match=r"ca\.pem"):
        send(kind, f"https://127.0.0.1:{free_port()}/{PATH}/", ca_bundle=str(path))


@both_kinds
def test_a_directory_of_authorities_is_taken(kind, tmp_path):
    assert failure(kind, f"https://127.0.0.1:{free_port()}/{PATH}/", ca_bundle=str(tmp_path)) == NOT_SENT


@both_kinds
def test_a_changed_file_of_authorities_is_read_again(kind, tmp_path):
    authority = tmp_path / "ca.pem"
    for _ in range(2):
        with SimulatorServer(tls=True) as server:
            authority.write_text(server.certificate)
            [outcome] = send(kind, server.webhook_url, ca_bundle=str(authority))
        assert outcome.reply.code == "ERROR_METHOD_NOT_FOUND"


@both_kinds
@pytest.mark.parametrize("holding", ["", "407"])
def test_a_proxy_that_nobody_runs(kind, holding):
    proxy = f"http://user:pr0xyp4ss@127.0.0.1:{free_port(holding=holding)}"
    assert failure(kind, f"https://example.bitrix24.com/{PATH}/", proxy=proxy) == NOT_SENT


@both_kinds
@pytest.mark.parametrize(
    ("status", "expected"), [(b"407 Proxy Authentication Required", NEVER), (b"502 Bad Gateway", NOT_SENT)]
)
def test_a_proxy_that_refuses(kind, status, expected):
    with OddServer(answering(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")) as proxy:
        address = f"http://user:pr0xyp4ss@127.0.0.1:{proxy.port}"
        assert failure(kind, f"https://example.bitrix24.com/{PATH}/", proxy=address) == expected
        assert proxy.heard[0].startswith(b"CONNECT example.bitrix24.com:443")
        assert b"s3cr3t" not in proxy.heard[0]


@both_kinds
def test_the_connections_own_proxy_and_authorities_come_before_those_of_the_environment(kind, tmp_path, monkeypatch):
    refusing = answering(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
    authority = tmp_path / "ca.pem"
    with OddServer(refusing) as own, OddServer(refusing) as other, SimulatorServer(tls=True) as portal:
        authority.write_text(portal.certificate)
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{other.port}")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "missing.pem"))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
        url = f"https://example.bitrix24.com/{PATH}/"
        address = f"http://127.0.0.1:{own.port}"
        assert failure(kind, url, proxy=address, ca_bundle=str(authority)) == NOT_SENT
        assert (len(own.heard), len(other.heard)) == (1, 0)
        assert failure(kind, url, ca_bundle=str(authority)) == NOT_SENT
        assert len(other.heard) == 1
        [outcome] = send(kind, portal.webhook_url, ca_bundle=str(authority))
        assert outcome.reply.code == "ERROR_METHOD_NOT_FOUND"


@both_kinds
@pytest.mark.parametrize(
    "environment",
    [
        {"REQUESTS_CA_BUNDLE": "/missing.pem", "SSL_CERT_FILE": "/missing.pem"},
        {"ALL_PROXY": "socks5://127.0.0.1:1", "HTTPS_PROXY": "socks5://127.0.0.1:1"},
    ],
)
def test_an_environment_that_cannot_be_used_is_said_before_anything_is_sent(kind, monkeypatch, environment):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    try:
        error = failure(kind, f"https://127.0.0.1:{free_port()}/{PATH}/")
    except ConfigurationError as raised:
        error = type(raised), raised.executed, raised.permanent
    # httpx before 0.28 passes over a missing file.
    assert error in [(ConfigurationError, "no", True)] + [NOT_SENT] * ("SSL_CERT_FILE" in environment)


@both_kinds
def test_an_answer_cut_in_its_headers_leaves_open_what_the_portal_did(kind):
    with OddServer(answering(b"HTTP/1.1 200 OK\r\nContent-Ty")) as server:
        assert failure(kind, f"http://127.0.0.1:{server.port}/{PATH}/")[1:] == UNKNOWN[1:]


@both_kinds
@pytest.mark.parametrize("host", ["a" * 64 + ".example", "xn--.example", "http:"])
def test_an_address_that_no_library_takes(kind, host, monkeypatch):
    monkeypatch.setattr(Portal, "method_url", lambda _self, method: f"https://{host}/{PATH}/{method}")
    kind_of_error, executed, _ = failure(kind, f"https://127.0.0.1:{free_port()}/{PATH}/")
    assert issubclass(kind_of_error, ConfigurationError | ConnectFailed)
    assert executed == "no"


@both_kinds
@pytest.mark.parametrize(
    "location",
    [b"https://other.bitrix24.com/rest/", b"http://[::1", b"https://exa mple/", b"\xff\xfe", b"", b"//:x", b"/%zz"],
)
def test_a_redirect_is_never_followed_wherever_it_leads(kind, location):
    answer = b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n"
    with OddServer(answering(answer)) as server:
        assert failure(kind, f"http://127.0.0.1:{server.port}/{PATH}/") == (ProtocolError, "no", True)
        assert len(server.heard) == 1


@both_kinds
def test_one_connection_serves_calls_one_after_the_other_and_no_cookie_comes_back(kind):
    cookies = b"Set-Cookie: PHPSESSID=1; path=/\r\nSet-Cookie: BITRIX_SM=2\r\n"
    with OddServer(answering(*[FINE % cookies] * 5)) as server:
        [outcome] = send(kind, f"http://127.0.0.1:{server.port}/{PATH}/", count=5)
        assert outcome.reply == Reply(result=True)
        assert server.connections == 1
        assert len(server.heard) == 5
        assert all(b"cookie" not in head.lower() for head in server.heard)


@both_kinds
def test_no_more_connections_are_opened_than_may_be_in_flight(kind):
    with OddServer(answering(*[FINE % b""] * 20)) as server:
        outcomes = send(kind, f"http://127.0.0.1:{server.port}/{PATH}/", count=5, together=3, max_concurrency=3)
        assert [outcome.reply.result for outcome in outcomes] == [True] * 3
        assert server.connections <= 3
        assert len(server.heard) == 15


@both_kinds
def test_a_request_is_a_json_post_with_our_name_and_nothing_from_the_users_files(kind, tmp_path, monkeypatch):
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password netrcp4ss\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    with OddServer(answering(FINE % b"")) as server:
        send(kind, f"http://127.0.0.1:{server.port}/{PATH}/")
    [request] = server.heard
    head = request.lower()
    assert request.startswith(f"POST /{PATH}/some.method HTTP/1.1\r\n".encode())
    assert request.endswith(b'\r\n\r\n{"x":1}')
    assert b"content-type: application/json\r\n" in head
    assert b"user-agent: airflow-provider-bitrix24/" in head
    assert b"authorization" not in head


def test_a_tls_context_is_made_once_for_all_clients_of_a_process(monkeypatch):
    made = []
    original = ssl.create_default_context
    monkeypatch.setattr(ssl, "create_default_context", lambda *args, **more: made.append(1) or original(*args, **more))
    for _ in range(3):
        send("async", f"http://127.0.0.1:{free_port()}/{PATH}/")
    assert len(made) <= 1
