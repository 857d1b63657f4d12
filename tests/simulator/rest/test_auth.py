from __future__ import annotations

import pytest

from airflow_provider_bitrix24.simulator.portal.accounts import SYSTEM_SECRET
from airflow_provider_bitrix24.simulator.testing import SimulatorServer
from tests.support.portal_client import PortalClient, add_sales_content


def test_a_wrong_secret_is_refused(client):
    client.base = "/rest/1/wrong/"
    response = client.trigger("DEAL_57")
    assert response.status == 401
    assert response.json == {"error": "INVALID_CREDENTIALS", "error_description": "Invalid request credentials"}


def test_the_login_may_stand_for_the_user_id(client):
    client.base = "/rest/admin/sec/"
    assert client.trigger("DEAL_57").result is True
    client.base = "/rest/2/sec/"
    assert client.trigger("DEAL_57").status == 401


def test_a_deleted_webhook_is_refused(client):
    client.portal.accounts.remove_webhook("sec")
    assert client.trigger("DEAL_57").error[1] == "INVALID_CREDENTIALS"


def test_a_call_without_credentials_is_refused(client):
    response = client.request("GET", "/rest/crm.item.get?entityTypeId=2&id=57")
    assert response.error == (401, "NO_AUTH_FOUND", "Wrong authorization data")


def test_plain_http_is_refused_when_https_is_required(client):
    client.portal.settings.https_required = True
    assert client.trigger("DEAL_57").error == (401, "INVALID_REQUEST", "Https required.")
    assert client.stage_of("DEAL_57") == "NEW"


def test_https_works_when_it_is_required(clock):
    with SimulatorServer(clock=clock, tls=True) as server:
        add_sales_content(server.portal)
        server.portal.settings.https_required = True
        assert PortalClient(server).trigger("DEAL_57").result is True


def test_a_missing_scope_is_refused(client):
    client.portal.accounts.add_webhook(1, "narrow", scopes=frozenset({"task"}))
    client.base = "/rest/1/narrow/"
    assert client.trigger("DEAL_57").error == (
        401,
        "insufficient_scope",
        "The request requires higher privileges than provided by the webhook token",
    )
    assert client.get("scope").result == ["task"]


def test_a_system_webhook_without_subscription_only_fires_triggers(client):
    client.portal.settings.subscription = "missing"
    client.base = f"/rest/1/{SYSTEM_SECRET}/"
    refusal = (401, "ACCESS_DENIED", "REST is available only by subscription.")
    assert client.batch({"a": "crm.automation.trigger?target=DEAL_57&code=c5u4m"}).error == refusal
    assert client.get("crm.item.get", "entityTypeId=2&id=57").error == refusal
    assert client.stage_of("DEAL_57") == "NEW"
    assert client.trigger("DEAL_57").result is True
    assert client.stage_of("DEAL_57") == "PREPARATION"
    client.base = "/rest/1/sec/"
    assert client.trigger("DEAL_57").error == refusal


@pytest.mark.parametrize(("statuses", "status"), [("source", 401), ("docs", 503)])
def test_a_blocked_webhook_is_refused(client, statuses, status):
    client.portal.settings.statuses = statuses
    client.portal.accounts.find_webhook("1", "sec").is_blocked = True
    assert client.trigger("DEAL_57").error == (status, "OVERLOAD_LIMIT", "REST API is blocked due to overload.")


def test_a_token_may_be_a_header_or_a_parameter(client, grant):
    token = grant.access_token
    assert client.request("GET", "/rest/scope", headers={"Authorization": f"Bearer {token}"}).result == ["crm"]
    assert client.call_with_token(token, "scope").result == ["crm"]
    assert client.get("scope", f"auth={token}").result == ["crm"]
    assert client.form("scope", {"access_token": token}).result == ["crm"]
    headers = {"Authorization": f"bearer {token}"}
    assert client.get("scope", "auth=wrong", headers).result == ["crm"]


def test_refusals_of_tokens(client, application, grant):
    token = grant.access_token
    assert client.call_with_token(token, "user.current").error[:2] == (401, "insufficient_scope")
    application.is_blocked = True
    assert client.call_with_token(token, "scope").error[:2] == (401, "OVERLOAD_LIMIT")
    application.is_blocked = False
    client.portal.settings.subscription = "missing"
    assert client.call_with_token(token, "scope").error == (
        401,
        "ACCESS_DENIED",
        "REST is available only on commercial plans.",
    )
    client.portal.settings.subscription = "active"
    client.portal.accounts.users[1].is_active = False
    assert client.call_with_token(token, "scope").error == (401, "authorization_error", "Unable to authorize user")
    application.is_installed = False
    assert client.call_with_token(token, "scope").error[:2] == (401, "APPLICATION_NOT_FOUND")


def test_an_application_may_not_act_for_a_user_who_has_never_logged_in(client, grant):
    client.portal.accounts.users[1].has_logged_in = False
    assert client.call_with_token(grant.access_token, "scope").error == (
        401,
        "ACCESS_DENIED",
        "Current user can't be authorized in this context",
    )
