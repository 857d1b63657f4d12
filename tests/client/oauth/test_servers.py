from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.oauth.servers import INFO, TECH, likely_servers, named_server, server_of
from airflow_provider_bitrix24.client.portal import Portal


def portal(address="https://example.bitrix24.com"):
    return Portal(base_url=address, user_id="1", secret="s3cret")


@pytest.mark.parametrize(
    ("address", "servers"),
    [
        ("https://example.bitrix24.com", (INFO, TECH)),
        ("https://example.bitrix24.ru", (TECH, INFO)),
        ("https://example.bitrix24.kz:8443", (TECH, INFO)),
        ("http://127.0.0.1:8024", ("http://127.0.0.1:8024",)),
    ],
)
def test_the_likeliest_server_depends_on_the_region(address, servers):
    assert likely_servers(portal(address)) == servers
    assert likely_servers(portal(address), named="https://own.example") == ("https://own.example",)


@pytest.mark.parametrize(
    ("endpoint", "server"),
    [
        ("https://oauth.bitrix.info/rest/", INFO),
        ("https://oauth.bitrix24.tech/rest/", TECH),
        ("HTTPS://OAuth.Bitrix.info:443/rest/", INFO),
        ("", INFO),
    ],
)
def test_the_server_is_the_one_that_the_pair_names(endpoint, server):
    assert server_of(endpoint, portal()) == server
    assert server_of(endpoint, portal(), named="https://own.example") == "https://own.example"


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://oauth.bitrix.info/rest/",
        "https://oauth.bitrix.info.evil.example/rest/",
        "https://oauth.bitrix.info@evil.example/rest/",
        "https://user:pass@oauth.bitrix.info/rest/",
        "https://oauth.bitrix.info:8443/rest/",
        "http://127.0.0.1:1/rest/",
        "ftp://oauth.bitrix.info/",
        "https://[nonsense",
        "https://x:port/",
        "nonsense",
    ],
)
def test_no_other_server_is_trusted(endpoint):
    with pytest.raises(ConfigurationError, match="not one of Bitrix24's") as caught:
        server_of(endpoint, portal())
    assert "oauth_server" in caught.value.hint


def test_a_portal_on_this_machine_may_have_a_server_on_this_machine():
    local = portal("http://127.0.0.1:8024")
    assert server_of("http://localhost:9000/rest/", local) == "http://localhost:9000"
    for endpoint in ("http://user@127.0.0.1:1/rest/", "ftp://127.0.0.1/"):
        with pytest.raises(ConfigurationError):
            server_of(endpoint, local)


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("https://own.example/oauth/token/", "https://own.example"),
        ("own.example:8443", "https://own.example:8443"),
        ("http://127.0.0.1:9", "http://127.0.0.1:9"),
    ],
)
def test_a_connection_may_name_a_server(text, server):
    assert named_server(text) == server


@pytest.mark.parametrize(
    "text",
    ["", "https://", "ftp://own.example", "https://u:p@own.example", "https://own.example?x=1", "http://own.example"],
)
def test_an_address_that_cannot_be_a_server_is_refused(text):
    with pytest.raises(ConfigurationError):
        named_server(text)
