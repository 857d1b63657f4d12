from __future__ import annotations


def test_who_is_calling_and_what_the_credential_may_call(client):
    assert client.get("profile").result["ADMIN"] is True
    client.portal.accounts.add_webhook(1, "wide", scopes=frozenset({"crm", "user"}))
    client.base = "/rest/1/wide/"
    assert client.get("user.current").result["ID"] == "1"
    assert client.get("scope").result == ["crm", "user"]
    assert "task" in client.get("scope", "full=true").result
    assert client.get("app.info").result == {"SCOPE": ["crm", "user"], "LICENSE": "en_std"}
    assert client.get("method.get", "name=crm.item.get").result == {"isExisting": True, "isAvailable": True}
    assert client.get("method.get", "name=nosuch").result == {"isExisting": False, "isAvailable": False}
    assert {"batch", "crm.automation.trigger", "user.current"} <= set(client.get("methods").result)
    assert set(client.get("methods", "scope=user").result) == {"user.current", "user.get", "user.fields"}
    assert "user.get" in client.get("methods", "full=true").result
    assert client.get("server.time").result == client.portal.clock.iso(client.portal.clock.now())
