from __future__ import annotations

import json
from urllib.parse import quote


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
    for query in ("after=-336", "last=x", "last=1e3", "after=²", "last=" + "9" * 5000):
        assert client.control(f"requests?{quote(query, safe='=')}")[0] == 400


def test_the_commands_of_a_batch_are_recorded_with_their_answers(client):
    commands = {
        "fire": "crm.automation.trigger?target=DEAL_57&code=c5u4m",
        "list": "crm.item.list?entityTypeId=2",
        "get": "crm.item.get?entityTypeId=2&id=57&auth=very-secret",
        "wrong": "crm.deal.get?id=0",
        "none": "nosuch",
    }
    client.batch(commands)
    recorded = client.server.requests[-1].answers
    assert [(each.key, each.method, each.answer, each.error) for each in recorded] == [
        ("fire", "crm.automation.trigger", "true", None),
        ("list", "crm.item.list", "1 items", None),
        ("get", "crm.item.get", "item 57", None),
        ("wrong", "crm.deal.get", "ID is not defined or invalid.", ""),
        ("none", "nosuch", "Method not found!", "ERROR_METHOD_NOT_FOUND"),
    ]
    assert recorded[0].params == {"target": "DEAL_57", "code": "c5u4m"}
    shown = client.control("requests")[1]["requests"][-1]["answers"]
    assert shown[2]["params"] == {"entityTypeId": "2", "id": "57", "auth": "***"}
    assert "very-secret" not in client.request("GET", "/_simulator/requests").body.decode()


def test_a_command_that_was_never_finished_has_no_answer(client):
    client.portal.add_robot("PREPARATION", seconds=100)
    client.batch(["crm.automation.trigger?target=DEAL_57&code=c5u4m", "scope"])
    (recorded,) = client.server.requests[-1].answers
    assert (recorded.answer, recorded.error) == ("", None)
