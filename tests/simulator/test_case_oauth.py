"""Cases 49 to 54: application tokens and application triggers."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from airflow_provider_bitrix24.simulator.portal.model import Application

CLIENT = {"client_id": "local.app1", "client_secret": "verysecret"}


@pytest.fixture
def app(s1):
    s1.portal.accounts.add_application(Application(**CLIENT, redirect_uri="https://app.example/back?keep=1"))
    return s1


@pytest.fixture
def grant(app):
    return app.portal.tokens.issue("local.app1", 1, frozenset({"crm"}), app.portal.clock.now())


def refresh(app, token, **other):
    return app.oauth(grant_type="refresh_token", refresh_token=token, **{**CLIENT, **other})


def call(app, method, token, **params):
    app.base = "/rest/"
    return app.post(method, {**params, "auth": token})


def test_case_49_expiry_refresh_and_rotation(app, grant):
    assert call(app, "scope", grant.access_token).result == ["crm"]
    app.server.clock.advance(3600)
    assert call(app, "scope", grant.access_token).error == (
        401,
        "expired_token",
        "The access token provided has expired",
    )
    pair = refresh(app, grant.refresh_token).json
    assert call(app, "scope", pair["access_token"]).result == ["crm"]
    reply = refresh(app, grant.refresh_token)
    assert (reply.status, reply.json) == (400, {"error": "invalid_grant"})
    assert call(app, "scope", grant.access_token).error == (401, "invalid_token", "Unable to get application by token")
    assert app.portal.tokens.refreshes == 1


def test_case_49_the_refresh_token_lives_180_days(app, grant):
    app.server.clock.advance(180 * 24 * 3600)
    assert refresh(app, grant.refresh_token).json == {"error": "invalid_grant"}


def test_case_50_where_the_token_may_stand(app, grant):
    token = grant.access_token
    assert app.request("GET", "/rest/scope", headers={"Authorization": f"Bearer {token}"}).result == ["crm"]
    assert call(app, "scope", token).result == ["crm"]
    assert app.get("scope", f"auth={token}").result == ["crm"]
    assert app.form("scope", {"access_token": token}).result == ["crm"]
    headers = {"Authorization": f"bearer {token}"}
    assert app.get("scope", "auth=wrong", headers).result == ["crm"]


def test_case_51_wrong_client(app, grant):
    reply = refresh(app, grant.refresh_token, client_id="local.other")
    assert (reply.status, reply.json) == (200, {"error": "wrong_client"})
    reply = refresh(app, grant.refresh_token, client_secret="wrong")
    assert (reply.status, reply.json["error"]) == (400, "invalid_client")


def test_case_52_missing_refresh_token(app):
    reply = app.oauth(grant_type="refresh_token", **CLIENT)
    assert (reply.status, reply.json["error"]) == (400, "invalid_request")
    assert app.oauth(**CLIENT).json["error"] == "invalid_request"


def test_case_53_webhooks_have_no_application(s1):
    assert s1.post("crm.automation.trigger.execute", {"CODE": "x"}).error == (
        403,
        "ACCESS_DENIED",
        "Access denied! Application context required",
    )
    s1.add_user(2, "sec2")
    s1.base = "/rest/2/sec2/"
    assert s1.post("crm.automation.trigger.execute", {"CODE": "x"}).error == (
        403,
        "ACCESS_DENIED",
        "Access denied! Admin permissions required",
    )


def test_case_54_registering_application_triggers(app, grant):
    token = grant.access_token
    reply = call(app, "crm.automation.trigger.execute", token, CODE="x", OWNER_TYPE_ID=2, OWNER_ID=57)
    assert reply.error == (400, "", "Trigger with code x is not registered.")
    assert call(app, "crm.automation.trigger.add", token, CODE="x", NAME="First").result is True
    assert call(app, "crm.automation.trigger.add", token, code="x", name="Second").result is True
    assert call(app, "crm.automation.trigger.list", token).result == [{"NAME": "Second", "CODE": "x"}]
    assert call(app, "crm.automation.trigger.delete", token, CODE="x").result is True
    assert call(app, "crm.automation.trigger.delete", token, CODE="x").error == (400, "", "Trigger not found")


@pytest.mark.parametrize(
    ("method", "params", "description"),
    [
        ("add", {}, "Empty trigger code!"),
        ("add", {"CODE": "0", "NAME": "n"}, "Empty trigger code!"),
        ("add", {"CODE": "a b", "NAME": "n"}, "Wrong trigger code!"),
        ("add", {"CODE": "a"}, "Empty trigger name!"),
        ("execute", {"CODE": "known", "OWNER_ID": 57}, "Incorrect parameter OWNER_TYPE_ID."),
        ("execute", {"CODE": "known", "OWNER_TYPE_ID": 2, "OWNER_ID": 0}, "Incorrect parameter OWNER_ID."),
    ],
)
def test_case_54_malformed_application_triggers(app, grant, method, params, description):
    app.portal.accounts.applications["local.app1"].triggers["known"] = "Known"
    reply = call(app, f"crm.automation.trigger.{method}", grant.access_token, **params)
    assert reply.error == (400, "", description)


def test_an_application_trigger_moves_once_it_is_placed(app, grant):
    app.portal.accounts.applications["local.app1"].triggers["paid"] = "Paid"
    params = {"CODE": "paid", "OWNER_TYPE_ID": 2, "OWNER_ID": 57}
    assert call(app, "crm.automation.trigger.execute", grant.access_token, **params).result is True
    assert app.at("DEAL_57") == "NEW"
    app.portal.add_trigger("EXECUTING", code="paid", application="local.app1")
    assert call(app, "crm.automation.trigger.execute", grant.access_token, **params).result is True
    assert app.at("DEAL_57") == "EXECUTING"


def test_a_webhook_does_not_fire_an_applications_trigger(app):
    app.portal.triggers.clear()
    app.portal.add_trigger("EXECUTING", code="paid", application="local.app1")
    assert app.trigger("DEAL_57", "paid").result is True
    assert app.at("DEAL_57") == "NEW"


def authorize(app, **params):
    query = "&".join(f"{name}={value}" for name, value in {"client_id": "local.app1", "state": "s1", **params}.items())
    reply = app.request("GET", f"/oauth/authorize/?{query}")
    if reply.status != 302:
        return reply, {}
    location = urlsplit(reply.headers["location"])
    assert location.netloc == "app.example"
    return reply, {name: values[0] for name, values in parse_qs(location.query).items()}


def test_the_authorization_code_comes_back_with_the_browser_and_works_once(app):
    _, brought = authorize(app)
    assert set(brought) == {"keep", "code", "state", "domain", "member_id", "scope", "server_domain"}
    assert brought["state"] == "s1"
    reply = app.oauth(grant_type="authorization_code", code=brought["code"], **CLIENT)
    assert reply.status == 200
    assert set(reply.json) == {
        "access_token", "expires", "expires_in", "scope", "domain", "server_endpoint", "status", "client_endpoint",
        "member_id", "user_id", "refresh_token",
    }  # fmt: skip
    assert reply.json["expires_in"] == 3600
    assert reply.json["client_endpoint"] == f"{app.server.url}/rest/"
    assert call(app, "profile", reply.json["access_token"]).result["ID"] == "1"
    again = app.oauth(grant_type="authorization_code", code=brought["code"], **CLIENT)
    assert (again.status, again.json) == (400, {"error": "invalid_grant"})


def test_the_authorization_code_lives_30_seconds(app):
    _, brought = authorize(app)
    app.server.clock.advance(30)
    reply = app.oauth(grant_type="authorization_code", code=brought["code"], **CLIENT)
    assert reply.json == {"error": "invalid_grant"}


def test_an_unknown_application_is_not_sent_back(app):
    reply, _ = authorize(app, client_id="local.other")
    assert (reply.status, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")


def test_tokens_as_the_documentation_shows_them(app, grant):
    app.portal.settings.oauth_host = "oauth.bitrix.info"
    app.portal.settings.oauth_answer = "sample"
    body = refresh(app, grant.refresh_token).json
    assert (body["domain"], body["server_endpoint"]) == ("oauth.bitrix.info", "https://oauth.bitrix.info/rest/")
    assert {"expires", "user_id"}.isdisjoint(body)


def test_the_refresh_may_be_posted(app, grant):
    body = f"grant_type=refresh_token&client_id=local.app1&client_secret=verysecret&refresh_token={grant.refresh_token}"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    reply = app.request("POST", "/oauth/token/", body, headers)
    assert (reply.status, reply.json["user_id"]) == (200, 1)


@pytest.mark.parametrize(
    ("change", "error"),
    [({"is_installed": False}, "NOT_INSTALLED"), ({"is_paid": False}, "PAYMENT_REQUIRED")],
)
def test_withheld_applications(app, grant, change, error):
    application = app.portal.accounts.applications["local.app1"]
    for name, value in change.items():
        setattr(application, name, value)
    reply = refresh(app, grant.refresh_token)
    assert (reply.status, reply.json["error"]) == (401, error)


def test_too_wide_a_scope(app, grant):
    reply = app.oauth(grant_type="refresh_token", refresh_token=grant.refresh_token, scope="crm,task", **CLIENT)
    assert (reply.status, reply.json["error"]) == (400, "invalid_scope")


def test_refusals_of_tokens(app, grant):
    token = grant.access_token
    assert call(app, "user.current", token).error[:2] == (401, "insufficient_scope")
    application = app.portal.accounts.applications["local.app1"]
    application.is_blocked = True
    assert call(app, "scope", token).error[:2] == (401, "OVERLOAD_LIMIT")
    application.is_blocked = False
    app.portal.settings.subscription = "missing"
    assert call(app, "scope", token).error == (
        401,
        "ACCESS_DENIED",
        "REST is available only on commercial plans.",
    )
    app.portal.settings.subscription = "active"
    app.portal.accounts.users[1].is_active = False
    assert call(app, "scope", token).error == (401, "authorization_error", "Unable to authorize user")
    application.is_installed = False
    assert call(app, "scope", token).error[:2] == (401, "APPLICATION_NOT_FOUND")


def test_the_answer_names_the_application(app, grant):
    assert call(app, "scope", grant.access_token).headers["x-bitrix-rest-application"] == "local.app1"
    assert call(app, "app.info", grant.access_token).result["CODE"] == "local.app1"


def test_no_token_is_shown_by_the_journal(app, grant):
    call(app, "scope", grant.access_token)
    app.request("GET", "/rest/scope", headers={"Authorization": f"Bearer {grant.access_token}"})
    seen = app.request("GET", "/_simulator/requests").body.decode()
    assert grant.access_token not in seen
    assert "***" in seen
