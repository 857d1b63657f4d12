from __future__ import annotations

import pytest

from airflow_provider_bitrix24.simulator.errors import RestError, V3Error, access_denied, auth_error


def test_a_switch_gives_refusals_their_documented_status(client):
    client.portal.settings.statuses = "docs"
    client.sign_in_as(2, denied_items=frozenset({(2, 57)}))
    assert client.trigger("DEAL_57").status == 400
    client.base = "/rest/1/wrong/"
    assert client.trigger("DEAL_57").status == 403


@pytest.mark.parametrize(
    ("error", "source", "docs"),
    [
        (auth_error("INVALID_CREDENTIALS", ""), 401, 403),
        (auth_error("expired_token", ""), 401, 401),
        (access_denied(""), 403, 403),
        (access_denied("", documented_status=400), 403, 400),
        (RestError("ERROR_CORE", ""), 400, 400),
        (V3Error("METHODNOTFOUND", "", status=404), 404, 404),
    ],
)
def test_statuses_by_the_source_and_by_the_documentation(error, source, docs):
    assert (error.status_for("source"), error.status_for("docs")) == (source, docs)
