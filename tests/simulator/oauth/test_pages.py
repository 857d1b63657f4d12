from __future__ import annotations

import http.client
import re

import pytest


def test_a_refresh_can_be_posted(client, grant):
    body = f"grant_type=refresh_token&client_id=local.app1&client_secret=verysecret&refresh_token={grant.refresh_token}"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    response = client.request("POST", "/oauth/token/", body, headers)
    assert (response.status, response.json["user_id"]) == (200, 1)


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.usefixtures("application")
def test_both_pages_are_found_with_and_without_a_trailing_slash(client, slash):
    redirected = client.request("GET", f"/oauth/authorize{slash}?client_id=local.app1")
    assert (redirected.status, redirected.headers["location"].partition("?")[0]) == (302, "https://app.example/back")
    assert client.request("GET", f"/oauth/token{slash}").json["error"] == "invalid_request"


def test_secrets_in_the_address_of_a_refresh_are_counted(client, grant):
    client.oauth(grant_type="refresh_token", client_id="local.app1", client_secret="verysecret", refresh_token="x")
    assert client.portal.tokens.secrets_in_url == 1


def test_an_application_without_a_redirect_address_gets_its_code_on_a_page(client, application):
    application.redirect_uri = ""
    page = client.request("GET", "/oauth/authorize/?client_id=local.app1")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    code = re.search(rb"<code>([0-9a-f]+)</code>", page.body)[1].decode()
    credentials = {"client_id": "local.app1", "client_secret": "verysecret"}
    assert client.oauth(grant_type="authorization_code", code=code, **credentials).json["user_id"] == 1


def post_refresh(client, grant):
    body = f"grant_type=refresh_token&client_id=local.app1&client_secret=verysecret&refresh_token={grant.refresh_token}"
    return client.request("POST", "/oauth/token/", body, {"Content-Type": "application/x-www-form-urlencoded"})


@pytest.mark.parametrize("kind", ["cut", "reset", "cut_body"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_an_answer_to_a_refresh_can_be_lost(client, grant, kind, when):
    client.server.faults.script([{"kind": kind, "when": when, "method": "oauth.token"}])
    with pytest.raises((OSError, http.client.HTTPException)):
        post_refresh(client, grant)
    assert client.portal.tokens.refreshes == (when == "after")
    assert post_refresh(client, grant).status == (400 if when == "after" else 200)


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        ({"kind": "error", "status": 200, "code": "wrong_client", "description": ""}, 200, b"wrong_client"),
        ({"kind": "error", "status": 401, "code": "PAYMENT_REQUIRED", "description": "x"}, 401, b"PAYMENT_REQUIRED"),
        ({"kind": "html", "status": 503}, 503, b"<html>"),
        ({"kind": "empty"}, 200, b""),
        ({"kind": "truncated"}, 200, b'{"access_token'),
        ({"kind": "redirect"}, 302, b""),
    ],
)
def test_the_token_endpoint_can_fail_in_other_ways(client, grant, fault, status, body):
    client.server.faults.script([fault | {"method": "oauth.token"}])
    response = post_refresh(client, grant)
    assert response.status == status
    assert body in response.body
    assert client.portal.tokens.refreshes == 0


def test_a_refresh_can_be_slow(client, grant):
    client.server.faults.script([{"kind": "delay", "seconds": 9, "when": "after", "method": "oauth.token"}])
    start = client.server.clock.now()
    assert post_refresh(client, grant).status == 200
    assert client.server.clock.now() - start == 9


def test_faults_of_rest_requests_leave_requests_for_tokens_alone(client, grant):
    client.server.faults.script(["html:502", {"kind": "empty", "method": "oauth.token"}])
    assert post_refresh(client, grant).status == 200
    assert client.get("scope").status == 502
    assert client.get("scope").status == 200
    assert post_refresh(client, grant).body == b""
