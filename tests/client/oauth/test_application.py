from __future__ import annotations

import dataclasses

import pytest

from airflow_provider_bitrix24.client import Bitrix24Client
from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.oauth.application import ApplicationPortal
from airflow_provider_bitrix24.client.oauth.pair import Pair
from airflow_provider_bitrix24.client.settings import ClientSettings
from tests.support.token_rig import MemoryTokenStore

PAIR = Pair(access_token="acc3ss" * 5, refresh_token="r3fresh" * 5, expires=10.0, lifetime=5.0, stored_at=5.0)


def portal(**other):
    values = {"base_url": "https://example.bitrix24.com", "user_id": "local.1", "secret": "appl1cat10n"}
    return ApplicationPortal(**values | {"token_store": MemoryTokenStore()} | other)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"user_id": " "}, "The application's id is missing"),
        ({"secret": ""}, "The application's secret is missing"),
        ({"secret": "two words"}, "holds a blank"),
        ({"secret": "https://example.bitrix24.com/rest/1/s3cr3t/"}, "holds the URL of a webhook"),
        ({"base_url": "http://example.bitrix24.com"}, "plain http"),
        ({"oauth_server": "http://oauth.example"}, "plain http"),
    ],
)
def test_what_is_wrong_is_said_without_the_secret(parts, message):
    with pytest.raises(ConfigurationError, match=message) as caught:
        portal(**parts)
    assert "s3cr3t" not in str(caught.value)


def test_no_address_holds_a_secret():
    application = portal()
    assert application.method_url("scope") == "https://example.bitrix24.com/rest/scope"
    assert application.authorize_url("a b") == (
        "https://example.bitrix24.com/oauth/authorize/?client_id=local.1&state=a+b"
    )
    assert "appl1cat10n" not in repr(application)


@pytest.mark.parametrize(
    ("endpoint", "address"),
    [
        ("https://moved.bitrix24.com/rest/", "https://moved.bitrix24.com"),
        ("https://box.example/sub/rest/", "https://box.example/sub"),
        ("", "https://example.bitrix24.com"),
        ("http://moved.bitrix24.com/rest/", "https://example.bitrix24.com"),
        ("nonsense://", "https://example.bitrix24.com"),
    ],
)
def test_a_portal_is_where_the_authorization_server_says(endpoint, address):
    pair = dataclasses.replace(PAIR, client_endpoint=endpoint)
    assert portal().base_url_of(pair) == address


def test_a_portal_on_this_machine_stays_where_it_is():
    pair = dataclasses.replace(PAIR, client_endpoint="https://example.bitrix24.com/rest/")
    assert portal(base_url="http://127.0.0.1:8024").base_url_of(pair) == "http://127.0.0.1:8024"


def test_certificates_are_always_checked():
    with pytest.raises(ConfigurationError, match="verify_tls is off"):
        Bitrix24Client(portal(), settings=ClientSettings(verify_tls=False))
    Bitrix24Client(portal(base_url="http://127.0.0.1:8024"), settings=ClientSettings(verify_tls=False)).close()
