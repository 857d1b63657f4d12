from __future__ import annotations

import json


def test_requests_are_recorded_in_order(client):
    client.get("scope")
    client.trigger("DEAL_57")
    log = client.server.requests
    assert (len(log), log.total, log[-1].method) == (2, 2, "crm.automation.trigger")
    assert [each.params for each in log.of_method("crm.automation.trigger")] == [{"target": "DEAL_57", "code": "c5u4m"}]
    assert [each.number for each in log] == [1, 2]


def test_no_token_is_shown(client, grant):
    client.call_with_token(grant.access_token, "scope")
    client.request("GET", "/rest/scope", headers={"Authorization": f"Bearer {grant.access_token}"})
    shown = client.request("GET", "/_simulator/requests").body.decode()
    assert grant.access_token not in shown
    assert "***" in shown


def test_no_secret_of_a_webhook_is_shown(client):
    client.portal.accounts.add_webhook(1, "very-secret-indeed")
    client.base = "/rest/1/very-secret-indeed/"
    client.batch({"a": "scope"})
    client.get("scope", "access_token=hidden-token&ap=hidden-too", {"Authorization": "Basic hidden-header"})
    raw = client.request("GET", "/_simulator/requests?last=5").body.decode()
    assert "very-secret-indeed" not in raw
    assert "hidden-" not in raw
    answer = json.loads(raw)
    assert [(each["method"], each["path"], each["commands"]) for each in answer["requests"]] == [
        ("batch", "/rest/1/***/batch", 1),
        ("scope", "/rest/1/***/scope", 0),
    ]
    assert client.control("requests?after=1")[1]["requests"][0]["number"] == 2
