from __future__ import annotations

import pytest


def test_an_unknown_method_is_reported_before_a_wrong_secret(client):
    client.base = "/rest/1/wrong/"
    assert client.get("crm.no.such.method").error == (404, "ERROR_METHOD_NOT_FOUND", "Method not found!")


@pytest.mark.parametrize(("statuses", "status"), [("source", 403), ("docs", 500)])
def test_a_closed_portal(client, statuses, status):
    client.portal.settings.statuses = statuses
    client.portal.settings.is_closed = True
    assert client.trigger("DEAL_57").error == (status, "PORTAL_DELETED", "Portal was deleted")


def test_rest_3_has_no_trigger_method(client):
    response = client.request("POST", "/rest/api/1/sec/crm.automation.trigger", '{"target":"DEAL_57"}')
    assert response.status == 404
    assert response.json["error"]["code"] == "BITRIX_REST_V3_EXCEPTION_METHODNOTFOUNDEXCEPTION"
    assert client.stage_of("DEAL_57") == "NEW"


def test_the_parameter_token_switches_to_signed_links(client):
    response = client.get("crm.automation.trigger", "target=DEAL_57&token=x")
    assert response.error == (403, "ACCESS_DENIED", "Access denied! Link check failed")


def test_a_method_beyond_the_operating_limit_is_refused_until_the_reset(client):
    client.portal.operating.seconds = 5
    client.portal.add_robot("PREPARATION", seconds=6)
    first = client.trigger("DEAL_57")
    assert first.json["time"]["operating"] == pytest.approx(6)
    response = client.trigger("DEAL_57")
    assert response.status == 429
    assert response.json == {
        "error": "OPERATION_TIME_LIMIT",
        "error_description": "Method is blocked due to operation time limit.",
    }
    assert client.get("crm.item.get", "entityTypeId=2&id=57").status == 200
    reset_at = first.json["time"]["operating_reset_at"]
    client.server.clock.advance(reset_at - client.server.clock.now() - 1)
    assert client.trigger("DEAL_57").status == 429
    client.server.clock.advance(1)
    assert client.trigger("DEAL_57").result is True


def test_headers_of_a_success(client):
    headers = client.get("scope").headers
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert headers["access-control-allow-origin"] == "*"
    assert headers["x-content-type-options"] == "nosniff"
    assert {"x-bitrix-rest-time", "x-bitrix-rest-user-time", "x-bitrix-rest-system-time"} <= headers.keys()


def test_the_response_names_the_application(client, grant):
    assert client.call_with_token(grant.access_token, "scope").headers["x-bitrix-rest-application"] == "local.app1"
    assert client.call_with_token(grant.access_token, "app.info").result["CODE"] == "local.app1"


def test_an_old_portal_does_not_know_the_methods_of_items_alone_and_in_a_batch(client):
    client.portal.settings.item_methods = False
    assert client.get("crm.item.list", "entityTypeId=2").error[:2] == (404, "ERROR_METHOD_NOT_FOUND")
    batch = client.post("batch", {"cmd": {"a": "CRM.Item.List?entityTypeId=2", "b": "crm.deal.list"}}).result
    assert batch["result_error"]["a"]["error"] == "ERROR_METHOD_NOT_FOUND"
    assert "b" in batch["result"]
