from __future__ import annotations

import pytest


@pytest.mark.parametrize("body", ["{", "[]", '"x"', "[" * 100_000])
@pytest.mark.parametrize("path", ["reset", "seed", "clock", "faults", "limits", "latency", "settings", "tokens"])
def test_malformed_bodies_are_refused(client, path, body):
    response = client.request("POST", f"/_simulator/{path}", body)
    assert response.status == 400
    assert response.json["error"]
