"""Which proxy a request goes through, by the connection and by the environment: one decision for both drivers."""

from __future__ import annotations

import asyncio

import pytest

from airflow_provider_bitrix24.client import AsyncBitrix24Client, Bitrix24Client
from airflow_provider_bitrix24.client.errors import ConfigurationError, ConnectFailed
from airflow_provider_bitrix24.client.transports import proxy as proxy_module
from airflow_provider_bitrix24.client.transports.proxy import Proxy, proxy_for
from airflow_provider_bitrix24.client.transports.redaction import redact
from airflow_provider_bitrix24.simulator.testing import SimulatorServer
from tests.support.drivers import KINDS
from tests.support.frames import shown_by_frames
from tests.support.misbehaving_server import NOT_SENT, PATH, MisbehavingServer, answering, failure, refusing_port, send

both_kinds = pytest.mark.parametrize("kind", KINDS)
CLOUD = "https://example.bitrix24.com/rest/1/s3cr3t/scope"
GOOD, OTHER, SOCKS = "http://proxy:3128", "http://other:3128", "socks5://proxy:1080"
REFUSING = answering(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.parametrize(
    ("url", "own", "environment", "chosen"),
    [
        (CLOUD, None, {}, None),
        (CLOUD, None, {"https": GOOD}, GOOD),
        (CLOUD, None, {"https": "proxy:3128"}, GOOD),
        (CLOUD, None, {"all": GOOD}, GOOD),
        (CLOUD, None, {"http": GOOD}, None),
        (CLOUD, None, {"https": GOOD, "all": SOCKS}, GOOD),
        (CLOUD, None, {"https": "", "all": GOOD}, GOOD),
        (CLOUD, OTHER, {"https": GOOD}, OTHER),
        (CLOUD, OTHER, {"https": GOOD, "no": "*"}, OTHER),
        ("http://127.0.0.1:8024/rest", None, {"http": GOOD, "https": GOOD, "all": SOCKS}, None),
        ("http://localhost/rest", None, {"http": GOOD, "all": SOCKS}, None),
        ("http://[::1]:8024/rest", None, {"all": GOOD}, None),
        ("http://127.0.0.1:8024/rest", GOOD, {}, None),
        ("http://127.0.0.1:8024/rest", "http://127.0.0.1:3128", {}, "http://127.0.0.1:3128"),
        ("https://127.0.0.1:8024/rest", None, {"https": GOOD}, GOOD),
    ],
)
def test_the_connections_proxy_comes_first_and_plain_http_stays_on_the_machine(url, own, environment, chosen):
    found = proxy_for(url, own, environment)
    assert (found.url if found else None) == chosen


@pytest.mark.parametrize(
    ("host", "no_proxy", "excepted"),
    [
        ("example.bitrix24.com", "example.bitrix24.com", True),
        ("example.bitrix24.com", "EXAMPLE.Bitrix24.com", True),
        ("example.bitrix24.com", "bitrix24.com", True),
        ("example.bitrix24.com", ".bitrix24.com", True),
        ("example.bitrix24.com", "*.bitrix24.com", True),
        ("example.bitrix24.com", "other.com, .bitrix24.com ,x", True),
        ("example.bitrix24.com", "other.com .bitrix24.com", True),
        ("example.bitrix24.com", "*", True),
        ("example.bitrix24.com", "example.bitrix24.com:443", True),
        ("example.bitrix24.com", "example.bitrix24.com:8443", False),
        ("example.bitrix24.com", "ple.bitrix24.com", False),
        ("example.bitrix24.com", "bitrix24.co", False),
        ("example.bitrix24.com", "10.0.0.0/8", False),
        ("example.bitrix24.com", "", False),
        ("example.bitrix24.com", ",", False),
        ("10.1.2.3", "10.0.0.0/8", True),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3", "10.1.2.3:443", True),
        ("10.1.2.3", "10.1.2.3:80", False),
        ("10.1.2.3", "192.168.0.0/16,10.1.0.0/16", True),
        ("10.1.2.3", "10.2.0.0/16", False),
        ("10.1.2.3", "10.1.2.0/999", False),
        ("[fd00::1]", "fd00::/8", True),
        ("[fd00::1]", "[fd00::1]", True),
        ("[fd00::1]", "[fd00::1]:443", True),
        ("[fd00::1]", "fd00::2", False),
        ("xn--80awhdgm.xn--p1ai", "\u043f\u043e\u0440\u0442\u0430\u043b.\u0440\u0444", True),
        ("xn--80aswg.xn--p1ai", "\u0441\u0430\u0439\u0442.\u0440\u0444", True),
    ],
)
def test_no_proxy_lists_names_domains_ports_addresses_and_networks(host, no_proxy, excepted):
    found = proxy_for(f"https://{host}/rest", None, {"https": GOOD, "no": no_proxy})
    assert (found is None) is excepted


@pytest.mark.parametrize(
    "proxy", ["http://", "ftp://proxy", "http://proxy:99999", "http://user:pr0xyp4ss@", "http://a b"]
)
@pytest.mark.parametrize("own", [True, False])
def test_a_proxy_that_is_not_one_is_named_by_what_names_it_and_never_repeated(proxy, own):
    with pytest.raises(ConfigurationError, match="is not a valid proxy URL") as caught:
        proxy_for(CLOUD, proxy if own else None, {} if own else {"https": proxy})
    assert ("The connection's proxy" if own else "HTTPS_PROXY of the environment") in str(caught.value)
    assert "pr0xyp4ss" not in str(caught.value)


@pytest.mark.parametrize("missing", ["socks", "socksio", None])
def test_a_socks_proxy_is_used_by_both_drivers_or_by_none(monkeypatch, missing):
    monkeypatch.setattr(proxy_module, "find_spec", lambda name: None if name == missing else object())
    if missing is None:
        assert proxy_for(CLOUD, None, {"all": SOCKS}) == Proxy(SOCKS, "ALL_PROXY")
        return
    with pytest.raises(ConfigurationError, match="ALL_PROXY of the environment is a SOCKS proxy") as caught:
        proxy_for(CLOUD, None, {"all": SOCKS})
    assert "NO_PROXY" in caught.value.hint


# -- both drivers


@both_kinds
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_proxy_that_gives_no_connection_is_blamed_and_not_the_portal(kind, monkeypatch, variable):
    with refusing_port() as port:
        monkeypatch.setenv(variable, f"http://user:pr0xyp4ss@127.0.0.1:{port}")
        [attempt] = send(kind, f"https://example.bitrix24.com/{PATH}/")
    assert isinstance(attempt.reply, ConnectFailed)
    assert "the proxy gave no connection" in str(attempt.reply)
    assert f"which {variable.upper()} names" in str(attempt.reply)
    assert "portal's address" not in str(attempt.reply)
    assert "pr0xyp4ss" not in str(attempt.reply)


@both_kinds
def test_a_socks_proxy_for_everything_does_not_hide_the_https_proxy(kind, monkeypatch):
    with MisbehavingServer(REFUSING) as proxy:
        monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        assert failure(kind, f"https://example.bitrix24.com/{PATH}/") == NOT_SENT
        assert proxy.heard[0].startswith(b"CONNECT example.bitrix24.com:443")


@both_kinds
def test_a_socks_proxy_without_its_libraries_is_named_before_anything_is_sent(kind, monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    monkeypatch.setattr(proxy_module, "find_spec", lambda _: None)
    [attempt] = send(kind, f"https://example.bitrix24.com/{PATH}/")
    assert isinstance(attempt.reply, ConfigurationError)
    assert "ALL_PROXY of the environment is a SOCKS proxy" in str(attempt.reply)


@both_kinds
@pytest.mark.parametrize(
    "address",
    ["http://[user:pr0xyp4ss@proxy", "ftp://user:pr0xyp4ss@x", "socks5://user:pr0xyp4ss@127.0.0.1:1", "http://"],
)
def test_the_frames_of_an_error_about_a_proxy_show_neither_its_password_nor_the_webhooks_secret(
    kind, monkeypatch, address
):
    monkeypatch.setenv("HTTPS_PROXY", address)
    monkeypatch.setattr(proxy_module, "find_spec", lambda _: None)
    with pytest.raises(ConfigurationError) as caught:
        call(kind, CLOUD.removesuffix("scope"))
    shown = [line for line in shown_by_frames(caught.value) if line.startswith("LOCAL") and __file__ not in line]
    assert len(shown) > 20
    assert [line for line in shown if "pr0xyp4ss" in line or "s3cr3t" in line] == []


def call(kind, url):
    if kind == "sync":
        with Bitrix24Client.from_webhook_url(url) as client:
            return client.call("scope")

    async def run():
        async with AsyncBitrix24Client.from_webhook_url(url) as client:
            return await client.call("scope")

    return asyncio.run(run())


def test_a_log_of_a_library_shows_no_password_of_a_proxy():
    """httpcore writes the login of a SOCKS proxy at DEBUG, as bytes."""
    proxy = Proxy("socks5://user:pr0xy%C3%A4p4ss@127.0.0.1:1080", "ALL_PROXY")
    login = (b"user", "pr0xy\u00e4p4ss".encode())
    shown = f"setup_socks5_connection.started auth={login!r} url={proxy.url}"
    assert redact(shown) == (
        "setup_socks5_connection.started auth=(b'user', b'***') url=socks5://user:***@127.0.0.1:1080"
    )
    assert "pr0xy" not in repr([proxy, proxy.url])


@both_kinds
@pytest.mark.parametrize("no_proxy", ["127.0.0.0/8", "127.0.0.1", "example.com,127.0.0.1:{port}", "*"])
def test_no_proxy_is_obeyed(kind, monkeypatch, no_proxy, tmp_path):
    authority = tmp_path / "ca.pem"
    with SimulatorServer(tls=True) as portal, refusing_port() as port:
        authority.write_text(portal.certificate)
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        assert failure(kind, portal.webhook_url, ca_bundle=str(authority)) == NOT_SENT
        monkeypatch.setenv("NO_PROXY", no_proxy.format(port=portal.port))
        [attempt] = send(kind, portal.webhook_url, ca_bundle=str(authority))
    assert attempt.reply.code == "ERROR_METHOD_NOT_FOUND"


@both_kinds
def test_a_portal_on_this_machine_is_reached_without_the_environments_proxies(kind, monkeypatch):
    with SimulatorServer() as portal, refusing_port() as port:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
            monkeypatch.setenv(name.lower(), f"socks5://127.0.0.1:{port}")
        [attempt] = send(kind, portal.webhook_url)
    assert attempt.reply.code == "ERROR_METHOD_NOT_FOUND"
