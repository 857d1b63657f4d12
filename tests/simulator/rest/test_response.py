from __future__ import annotations

import json

import pytest

from airflow_provider_bitrix24.simulator.portal.faults import Fault, FaultKind


@pytest.mark.parametrize(
    ("fault", "status", "content_type", "stage"),
    [
        ("html:502", 502, "text/html; charset=UTF-8", "NEW"),
        ("html:502:after", 502, "text/html; charset=UTF-8", "PREPARATION"),
        ("empty:500", 500, "application/json; charset=utf-8", "NEW"),
        ("html:200", 200, "text/html; charset=UTF-8", "NEW"),
        ("html:200:after", 200, "text/html; charset=UTF-8", "PREPARATION"),
        ("truncated:after", 200, "application/json; charset=utf-8", "PREPARATION"),
        ("truncated", 200, "application/json; charset=utf-8", "NEW"),
    ],
)
def test_responses_that_are_not_an_envelope(client, fault, status, content_type, stage):
    client.server.faults.script([fault])
    response = client.trigger("DEAL_57")
    assert (response.status, response.headers["content-type"]) == (status, content_type)
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|delimiter"):
        json.loads(response.body)
    assert client.stage_of("DEAL_57") == stage
    assert client.get("scope").status == 200  # the next request is not affected


def test_a_body_that_ends_in_the_middle(client):
    import http.client

    client.server.faults.script([Fault(kind=FaultKind.CUT_BODY, when="after")])
    with pytest.raises(http.client.IncompleteRead):
        client.trigger("DEAL_57")
    assert client.stage_of("DEAL_57") == "PREPARATION"


def test_a_redirect_to_another_host(client):
    client.server.faults.script([Fault(kind=FaultKind.REDIRECT, location="https://elsewhere.example/x")])
    response = client.trigger("DEAL_57")
    assert (response.status, response.headers["location"]) == (302, "https://elsewhere.example/x")
    assert client.stage_of("DEAL_57") == "NEW"


def test_an_error_of_ones_own(client):
    client.server.faults.script([{"kind": "error", "status": 401, "code": "CONNECTION_ERROR", "description": "Oops"}])
    assert client.trigger("DEAL_57").error == (401, "CONNECTION_ERROR", "Oops")
