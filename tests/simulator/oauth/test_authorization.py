from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

CREDENTIALS = {"client_id": "local.app1", "client_secret": "verysecret"}


def refresh(client, token, **other):
    return client.oauth(grant_type="refresh_token", refresh_token=token, **{**CREDENTIALS, **other})


def authorize(client, **params):
    query = "&".join(f"{name}={value}" for name, value in {"client_id": "local.app1", "state": "xyz", **params}.items())
    response = client.request("GET", f"/oauth/authorize/?{query}")
    if response.status != 302:
        return response, {}
    location = urlsplit(response.headers["location"])
    assert location.netloc == "app.example"
    return response, {name: values[0] for name, values in parse_qs(location.query).items()}


def test_a_token_expires_and_is_renewed_once_by_its_refresh_token(client, grant):
    assert client.call_with_token(grant.access_token, "scope").result == ["crm"]
    client.server.clock.advance(3600)
    assert client.call_with_token(grant.access_token, "scope").error == (
        401,
        "expired_token",
        "The access token provided has expired",
    )
    pair = refresh(client, grant.refresh_token).json
    assert client.call_with_token(pair["access_token"], "scope").result == ["crm"]
    response = refresh(client, grant.refresh_token)
    assert (response.status, response.json) == (400, {"error": "invalid_grant"})
    assert client.call_with_token(grant.access_token, "scope").error == (
        401,
        "invalid_token",
        "Unable to get application by token",
    )
    assert client.portal.tokens.refreshes == 1


@pytest.mark.parametrize(("profile", "days"), [("strict", 30), ("lenient", 180)])
def test_a_refresh_token_is_valid_for_days(client, application, profile, days):
    client.portal.settings.oauth_profile = profile
    _, brought = authorize(client)
    pair = client.oauth(grant_type="authorization_code", code=brought["code"], **CREDENTIALS).json
    client.server.clock.advance(days * 24 * 3600 - 1)
    pair = refresh(client, pair["refresh_token"]).json
    client.server.clock.advance(days * 24 * 3600)
    assert refresh(client, pair["refresh_token"]).json == {"error": "invalid_grant"}


def test_a_lenient_portal_still_takes_the_old_access_token(client, grant):
    client.portal.settings.oauth_profile = "lenient"
    assert refresh(client, grant.refresh_token).status == 200
    assert client.call_with_token(grant.access_token, "scope").result == ["crm"]


def test_a_wrong_client_or_secret_is_refused(client, grant):
    response = refresh(client, grant.refresh_token, client_id="local.other")
    assert (response.status, response.json) == (200, {"error": "wrong_client"})
    response = refresh(client, grant.refresh_token, client_secret="wrong")
    assert (response.status, response.json["error"]) == (400, "invalid_client")


@pytest.mark.usefixtures("application")
def test_a_missing_refresh_token_or_grant_type_is_refused(client):
    response = client.oauth(grant_type="refresh_token", **CREDENTIALS)
    assert (response.status, response.json["error"]) == (400, "invalid_request")
    assert client.oauth(**CREDENTIALS).json["error"] == "invalid_request"


@pytest.mark.usefixtures("application")
def test_an_authorization_code_comes_with_the_browser_and_works_once(client):
    _, brought = authorize(client)
    assert set(brought) == {"keep", "code", "state", "domain", "member_id", "scope", "server_domain"}
    assert brought["state"] == "xyz"
    response = client.oauth(grant_type="authorization_code", code=brought["code"], **CREDENTIALS)
    assert response.status == 200
    assert set(response.json) == {
        "access_token", "expires", "expires_in", "scope", "domain", "server_endpoint", "status", "client_endpoint",
        "member_id", "user_id", "refresh_token",
    }  # fmt: skip
    assert response.json["expires_in"] == 3600
    assert response.json["client_endpoint"] == f"{client.server.url}/rest/"
    assert client.call_with_token(response.json["access_token"], "profile").result["ID"] == "1"
    again = client.oauth(grant_type="authorization_code", code=brought["code"], **CREDENTIALS)
    assert (again.status, again.json) == (400, {"error": "invalid_grant"})


@pytest.mark.usefixtures("application")
def test_an_authorization_code_is_valid_for_30_seconds(client):
    _, brought = authorize(client)
    client.server.clock.advance(30)
    response = client.oauth(grant_type="authorization_code", code=brought["code"], **CREDENTIALS)
    assert response.json == {"error": "invalid_grant"}


@pytest.mark.usefixtures("application")
def test_the_browser_of_an_unknown_application_is_not_redirected(client):
    response, _ = authorize(client, client_id="local.other")
    assert (response.status, response.headers["content-type"]) == (200, "text/html; charset=utf-8")


def test_tokens_can_look_as_in_the_documentation(client, grant):
    client.portal.settings.oauth_host = "oauth.bitrix.info"
    client.portal.settings.oauth_answer = "sample"
    body = refresh(client, grant.refresh_token).json
    assert (body["domain"], body["server_endpoint"]) == ("oauth.bitrix.info", "https://oauth.bitrix.info/rest/")
    assert {"expires", "user_id"}.isdisjoint(body)


@pytest.mark.parametrize(
    ("change", "error"),
    [({"is_installed": False}, "NOT_INSTALLED"), ({"is_paid": False}, "PAYMENT_REQUIRED")],
)
def test_an_application_that_is_not_installed_or_not_paid_gets_no_tokens(client, application, grant, change, error):
    for name, value in change.items():
        setattr(application, name, value)
    response = refresh(client, grant.refresh_token)
    assert (response.status, response.json["error"]) == (401, error)


def test_a_scope_beyond_the_applications_is_refused(client, grant):
    response = client.oauth(
        grant_type="refresh_token", refresh_token=grant.refresh_token, scope="crm,task", **CREDENTIALS
    )
    assert (response.status, response.json["error"]) == (400, "invalid_scope")
