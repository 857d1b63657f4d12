from __future__ import annotations

from airflow_provider_bitrix24.simulator.rest.methods.registry import METHODS, Method


def test_a_bug_of_the_simulator_is_reported_to_its_user_and_not_to_the_client(client, monkeypatch, caplog):
    def fail(call):
        raise RuntimeError(f"a bug near {call.params}")

    monkeypatch.setitem(METHODS, "scope", Method("scope", "", fail))
    response = client.get("scope")
    assert (response.status, response.body) == (500, b"")
    assert client.batch({"a": "scope"}).status == 500
    client.portal.settings.execution_after_cut = "continue"
    assert client.get("scope").status == 500
    assert [str(crash)[:10] for crash in client.server.crashes] == ["a bug near"] * 3
    assert "The simulator failed" in caplog.text
    client.server.crashes.clear()
