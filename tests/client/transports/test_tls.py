"""TLS, proxies and the environment: the same error for both drivers, and no URL, secret or password in it."""

from __future__ import annotations

import ssl

import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError, ConnectFailed
from airflow_provider_bitrix24.simulator.testing import SimulatorServer
from tests.support.drivers import KINDS
from tests.support.misbehaving_server import (
    NEVER,
    NOT_SENT,
    PATH,
    MisbehavingServer,
    answering,
    failure,
    hanging_up,
    mute,
    refusing_port,
    send,
)

both_kinds = pytest.mark.parametrize("kind", KINDS)


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
def test_a_tls_handshake_that_is_cut_or_never_ends_may_succeed_later(kind):
    for behave in (hanging_up, mute):
        with MisbehavingServer(behave) as server:
            url = f"https://127.0.0.1:{server.port}/{PATH}/"
            _, executed, permanent = failure(kind, url, connect_timeout=0.2, read_timeout=0.2)
        assert permanent is False
        assert executed in ("no", "unknown")


@both_kinds
@pytest.mark.parametrize("content", ["no certificate", "", None])
def test_authorities_that_cannot_be_read_are_refused_before_anything_is_sent(kind, tmp_path, content):
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigurationError, match=r"ca\.pem"):
        send(kind, f"https://127.0.0.1:1/{PATH}/", ca_bundle=str(path))


@both_kinds
def test_a_directory_of_authorities_is_accepted(kind, tmp_path):
    with refusing_port() as port:
        assert failure(kind, f"https://127.0.0.1:{port}/{PATH}/", ca_bundle=str(tmp_path)) == NOT_SENT


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
def test_a_proxy_that_refuses_connections_has_sent_nothing(kind, holding):
    with refusing_port(holding=holding) as port:
        proxy = f"http://user:pr0xyp4ss@127.0.0.1:{port}"
        assert failure(kind, f"https://example.bitrix24.com/{PATH}/", proxy=proxy) == NOT_SENT


@both_kinds
@pytest.mark.parametrize(
    ("status", "expected"), [(b"407 Proxy Authentication Required", NEVER), (b"502 Bad Gateway", NOT_SENT)]
)
def test_a_proxy_that_refuses_a_tunnel_has_sent_nothing(kind, status, expected):
    with MisbehavingServer(answering(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")) as proxy:
        address = f"http://user:pr0xyp4ss@127.0.0.1:{proxy.port}"
        assert failure(kind, f"https://example.bitrix24.com/{PATH}/", proxy=address) == expected
        assert proxy.heard[0].startswith(b"CONNECT example.bitrix24.com:443")
        assert b"s3cr3t" not in proxy.heard[0]


@both_kinds
def test_the_connections_own_proxy_and_authorities_come_before_those_of_the_environment(kind, tmp_path, monkeypatch):
    refusing = answering(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
    authority = tmp_path / "ca.pem"
    with MisbehavingServer(refusing) as own, MisbehavingServer(refusing) as other, SimulatorServer(tls=True) as portal:
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
def test_an_environment_that_cannot_be_used_is_refused_before_anything_is_sent(kind, monkeypatch, environment):
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with refusing_port() as port:
        try:
            error = failure(kind, f"https://127.0.0.1:{port}/{PATH}/")
        except ConfigurationError as raised:
            error = type(raised), raised.executed, raised.permanent
    # httpx before 0.28 passes over a missing file.
    assert error in [(ConfigurationError, "no", True)] + [NOT_SENT] * ("SSL_CERT_FILE" in environment)


def test_a_tls_context_is_made_once_for_all_clients_of_a_process(monkeypatch):
    made = []
    original = ssl.create_default_context
    monkeypatch.setattr(ssl, "create_default_context", lambda *args, **more: made.append(1) or original(*args, **more))
    with refusing_port() as port:
        for _ in range(3):
            send("async", f"http://127.0.0.1:{port}/{PATH}/")
    assert len(made) <= 1
