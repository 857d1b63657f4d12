from __future__ import annotations


def test_a_refresh_can_be_posted(client, grant):
    body = f"grant_type=refresh_token&client_id=local.app1&client_secret=verysecret&refresh_token={grant.refresh_token}"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    response = client.request("POST", "/oauth/token/", body, headers)
    assert (response.status, response.json["user_id"]) == (200, 1)
