from __future__ import annotations

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
