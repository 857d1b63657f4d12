"""The test button: what it says of a connection, and that it changes nothing."""

from __future__ import annotations

import logging
import warnings

import pytest

from airflow_provider_bitrix24.connection import URL_IN_HOST
from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook
from airflow_provider_bitrix24.simulator.testing import connection_json


@pytest.fixture
def check(monkeypatch):
    """Test a connection as Airflow's button does."""

    def run(webhook_url=None, **parts):
        import json

        text = connection_json(webhook_url) if webhook_url else json.dumps({"conn_type": "bitrix24"} | parts)
        monkeypatch.setenv("AIRFLOW_CONN_BITRIX24_DEFAULT", text)
        from airflow.models.connection import Connection  # noqa: TID251 - the button's, in the API server

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # newer ones warn of what they use themselves
            return Connection.get_connection_from_secrets("bitrix24_default").test_connection()

    return run


def test_the_test_of_a_valid_connection_names_portal_and_user(portal, check):
    ok, message = check(portal.webhook_url)

    assert ok is True
    assert portal.url in message
    assert "user 1" in message
    assert portal.fires == {}


def test_the_test_accepts_a_webhook_that_may_only_fire(portal, check):
    portal.portal.settings.subscription = "missing"

    ok, message = check(portal.system_webhook_url)

    assert ok is True
    assert "verify_conn_id" in message
    assert portal.fires == {}


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("{url}/rest/1/wrongsecret12345/", "INVALID_CREDENTIALS"),
        ("{url}/rest/9/{secret}/", "INVALID_CREDENTIALS"),
        ("http://example.com/rest/1/{secret}/", "plain http"),
        ("https://127.0.0.1:{port}/rest/1/{secret}/", "TLS"),
    ],
)
def test_the_test_says_why_it_fails_without_the_secret(portal, check, url, words):
    secret = portal.webhook_url.split("/")[-2]
    pasted = url.format(url=portal.url, secret=secret, port=portal.port)

    ok, message = check(pasted)

    assert ok is False
    assert words in message
    assert secret not in message
    assert "wrongsecret12345" not in message


def test_the_test_names_a_missing_scope(portal, check):
    portal.portal.accounts.add_webhook(1, "otherscope000004", scopes=frozenset({"task"}))

    ok, message = check(f"{portal.url}/rest/1/otherscope000004/")

    assert ok is False
    assert "crm" in message


def test_a_malformed_connection_fails_the_test(check):
    ok, message = check(host="example.bitrix24.com", login="1")

    assert ok is False
    assert message.startswith("The webhook's secret is missing.")


def test_a_url_in_host_is_a_warning_in_the_message_and_in_the_log(portal, check, caplog):
    caplog.set_level(logging.WARNING)

    ok, message = check(host=portal.webhook_url)

    assert ok is True
    assert URL_IN_HOST in message
    assert portal.webhook_url.split("/")[-2] not in message
    assert portal.webhook_url.split("/")[-2] not in caplog.text


def test_the_test_button_says_for_whom_and_how_long_and_refreshes_nothing(portal, application, time):
    ok, message = Bitrix24Hook("bitrix24_app").test_connection()
    assert ok
    assert f"The application acts on {portal.url} as Admin Simulator (user 1), an administrator." in message
    assert "(28 days)" in message
    time.sleep(3601)
    ok, message = Bitrix24Hook("bitrix24_app").test_connection()
    assert ok
    assert "The access token has expired" in message
    time.sleep(22 * 86400)
    ok, message = Bitrix24Hook("bitrix24_app").test_connection()
    assert "within a week" in message
    time.sleep(10 * 86400)
    ok, message = Bitrix24Hook("bitrix24_app").test_connection()
    assert (ok, "They have ended" in message) == (False, True)
    assert portal.portal.tokens.refreshes == 0
    assert application.kept.pair.access_token not in message


def test_the_test_button_says_what_to_do_where_nobody_has_authorized_the_application(portal, application):
    application.connect(token_key="unused")

    ok, message = Bitrix24Hook("bitrix24_app").test_connection()

    assert not ok
    assert "python -m airflow_provider_bitrix24 authorize CONN_ID" in message
