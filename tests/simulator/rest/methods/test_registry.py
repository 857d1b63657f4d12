from __future__ import annotations

from airflow_provider_bitrix24.simulator.rest.methods.registry import METHODS, Method


def test_a_result_that_looks_like_an_error_takes_the_place_of_the_envelope(client, monkeypatch):
    body = {"error": "SOMETHING", "error_description": "Went wrong"}
    monkeypatch.setitem(METHODS, "scope", Method("scope", "", lambda _: body))
    response = client.get("scope")
    assert (response.status, response.json) == (200, body)
