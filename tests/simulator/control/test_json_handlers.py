from __future__ import annotations

import pytest

from airflow_provider_bitrix24.simulator.control import json_handlers


@pytest.mark.parametrize("body", ["{", "[]", '"x"', "[" * 100_000])
@pytest.mark.parametrize("path", ["reset", "seed", "clock", "faults", "limits", "latency", "settings", "tokens"])
def test_malformed_bodies_are_refused(client, path, body):
    response = client.request("POST", f"/_simulator/{path}", body)
    assert response.status == 400
    assert response.json["error"]


@pytest.mark.parametrize("path", ["reset", "seed", "clock", "faults", "limits", "latency", "settings", "tokens"])
@pytest.mark.parametrize("put", [b"".join, list], ids=["with a length", "in chunks"])
def test_a_body_that_is_too_long_is_refused_whatever_it_holds(client, monkeypatch, path, put):
    monkeypatch.setattr(json_handlers, "MAX_BODY", 1 << 20)
    before = client.control("")[1]
    body = [b'{"x": "', b" " * (1 << 20), b'"}']
    answer = client.request("POST", f"/_simulator/{path}", put(body))
    assert answer.status == 400
    assert answer.json["error"].startswith("the body is longer than 1 MB; 'generate'")
    assert client.control("")[1] == before


def test_a_wrong_value_is_repeated_in_few_words(client):
    for path, wrong in (("limits", {"capacity": "x" * 100_000}), ("settings", {"statuses": ["x" * 9_000] * 99})):
        status, answer = client.control(path, wrong)
        assert status == 400
        assert len(answer["error"]) < 2000
