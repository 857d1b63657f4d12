"""The same failure of a real socket is the same error for both drivers, and shows neither URL nor secret."""

from __future__ import annotations

import socket

import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError, ConnectFailed, ProtocolError
from airflow_provider_bitrix24.client.portal import Portal
from airflow_provider_bitrix24.client.protocol.wire import Reply
from tests.support.drivers import KINDS
from tests.support.misbehaving_server import (
    FINE,
    NOT_SENT,
    PATH,
    UNKNOWN,
    MisbehavingServer,
    answering,
    failure,
    refusing_port,
    resetting,
    send,
    silent,
)

both_kinds = pytest.mark.parametrize("kind", KINDS)


@both_kinds
def test_a_refused_connection_was_not_sent(kind):
    with refusing_port() as port:
        assert failure(kind, f"http://127.0.0.1:{port}/{PATH}/") == NOT_SENT


@both_kinds
def test_a_host_name_that_cannot_be_resolved_was_not_sent(kind, monkeypatch):
    def unknown(*_args, **_kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert failure(kind, f"https://no-such-portal.invalid/{PATH}/") == NOT_SENT


@both_kinds
def test_a_connection_that_is_never_accepted_was_not_sent(kind):
    with socket.socket() as crowded:
        crowded.bind(("127.0.0.1", 0))
        crowded.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        try:
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(crowded.getsockname())
            url = f"http://127.0.0.1:{crowded.getsockname()[1]}/{PATH}/"
            assert failure(kind, url, connect_timeout=0.1, read_timeout=3600) == NOT_SENT
        finally:
            for filler in fillers:
                filler.close()


@both_kinds
def test_an_answer_that_does_not_come_in_time_leaves_open_what_the_portal_did(kind):
    with MisbehavingServer(silent) as server:
        url = f"http://127.0.0.1:{server.port}/{PATH}/"
        assert failure(kind, url, connect_timeout=3600, read_timeout=0.1) == UNKNOWN


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
def test_a_connection_that_breaks_after_sending_leaves_open_what_the_portal_did(kind, behave):
    with MisbehavingServer(behave) as server:
        assert failure(kind, f"http://127.0.0.1:{server.port}/{PATH}/") == UNKNOWN
        assert len(server.heard) == 1


@both_kinds
def test_an_answer_cut_in_its_headers_leaves_open_what_the_portal_did(kind):
    with MisbehavingServer(answering(b"HTTP/1.1 200 OK\r\nContent-Ty")) as server:
        assert failure(kind, f"http://127.0.0.1:{server.port}/{PATH}/")[1:] == UNKNOWN[1:]


@both_kinds
@pytest.mark.parametrize("host", ["a" * 64 + ".example", "xn--.example", "http:"])
def test_an_address_that_no_library_accepts_was_not_sent(kind, host, monkeypatch):
    monkeypatch.setattr(Portal, "method_url", lambda _self, method: f"https://{host}/{PATH}/{method}")
    kind_of_error, executed, _ = failure(kind, f"https://127.0.0.1:1/{PATH}/")
    assert issubclass(kind_of_error, ConfigurationError | ConnectFailed)
    assert executed == "no"


@both_kinds
@pytest.mark.parametrize(
    "location",
    [b"https://other.bitrix24.com/rest/", b"http://[::1", b"https://exa mple/", b"\xff\xfe", b"", b"//:x", b"/%zz"],
)
def test_a_redirect_is_never_followed_wherever_it_leads(kind, location):
    answer = b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n"
    with MisbehavingServer(answering(answer)) as server:
        assert failure(kind, f"http://127.0.0.1:{server.port}/{PATH}/") == (ProtocolError, "no", True)
        assert len(server.heard) == 1


@both_kinds
def test_one_connection_serves_calls_one_after_the_other_and_no_cookie_comes_back(kind):
    cookies = b"Set-Cookie: PHPSESSID=1; path=/\r\nSet-Cookie: BITRIX_SM=2\r\n"
    with MisbehavingServer(answering(*[FINE % cookies] * 5)) as server:
        [outcome] = send(kind, f"http://127.0.0.1:{server.port}/{PATH}/", count=5)
        assert outcome.reply == Reply(result=True)
        assert server.connections == 1
        assert len(server.heard) == 5
        assert all(b"cookie" not in head.lower() for head in server.heard)


@both_kinds
def test_no_more_connections_are_opened_than_may_be_in_flight(kind):
    with MisbehavingServer(answering(*[FINE % b""] * 20)) as server:
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
    with MisbehavingServer(answering(FINE % b"")) as server:
        send(kind, f"http://127.0.0.1:{server.port}/{PATH}/")
    [request] = server.heard
    head = request.lower()
    assert request.startswith(f"POST /{PATH}/some.method HTTP/1.1\r\n".encode())
    assert request.endswith(b'\r\n\r\n{"x":1}')
    assert b"content-type: application/json\r\n" in head
    assert b"user-agent: airflow-provider-bitrix24/" in head
    assert b"authorization" not in head
