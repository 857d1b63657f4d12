"""Cases 31 to 48: paths, bodies, refusals, limits and faults."""

from __future__ import annotations

import json

import pytest

from airflow_provider_bitrix24.simulator.clock import Clock
from airflow_provider_bitrix24.simulator.portal.accounts import SYSTEM_SECRET
from airflow_provider_bitrix24.simulator.portal.faults import Fault, FaultKind
from airflow_provider_bitrix24.simulator.portal.settings import Plan
from airflow_provider_bitrix24.simulator.testing import SimulatorServer

from .conftest import Portal, set_up_s1


@pytest.mark.parametrize(
    "method",
    [
        "crm.automation.trigger",
        "crm.automation.trigger/",
        "crm.automation.trigger.json",
        "crm.automation.trigger.json/",
        "CRM.Automation.TRIGGER",
        "CRM.AUTOMATION.TRIGGER.JSON/",
    ],
)
def test_case_31_forms_of_the_method_name(s1, method):
    assert s1.get(method, "target=DEAL_57&code=c5u4m").result is True
    assert s1.at("DEAL_57") == "PREPARATION"


def test_case_32_xml(s1):
    reply = s1.get("crm.automation.trigger.xml", "target=DEAL_57&code=c5u4m")
    assert reply.headers["content-type"] == "text/xml; charset=utf-8"
    assert reply.body.startswith(b"<response><result>1</result><time><start>")
    refused = s1.get("crm.automation.trigger.xml")
    assert refused.status == 400
    assert refused.body == (
        b"<response><error></error><error_description>Target is not set.</error_description></response>"
    )


def test_case_33_wrong_secret(s1):
    s1.base = "/rest/1/wrong/"
    reply = s1.trigger("DEAL_57")
    assert reply.status == 401
    assert reply.json == {"error": "INVALID_CREDENTIALS", "error_description": "Invalid request credentials"}


def test_case_33_the_login_may_stand_for_the_user_id(s1):
    s1.base = "/rest/admin/sec/"
    assert s1.trigger("DEAL_57").result is True
    s1.base = "/rest/2/sec/"
    assert s1.trigger("DEAL_57").status == 401


def test_case_34_no_credentials(s1):
    reply = s1.request("GET", "/rest/crm.item.get?entityTypeId=2&id=57")
    assert reply.error == (401, "NO_AUTH_FOUND", "Wrong authorization data")


def test_case_35_an_unknown_method_is_reported_before_a_wrong_secret(s1):
    s1.base = "/rest/1/wrong/"
    assert s1.get("crm.no.such.method").error == (404, "ERROR_METHOD_NOT_FOUND", "Method not found!")


def test_case_36_plain_http_is_refused_when_https_is_required(s1):
    s1.portal.settings.https_required = True
    assert s1.trigger("DEAL_57").error == (401, "INVALID_REQUEST", "Https required.")
    assert s1.at("DEAL_57") == "NEW"


def test_case_36_https_works_when_it_is_required(clock):
    with SimulatorServer(clock=clock, tls=True) as server:
        set_up_s1(server)
        server.portal.settings.https_required = True
        assert Portal(server).trigger("DEAL_57").result is True


def test_case_37_missing_scope(s1):
    s1.portal.accounts.add_webhook(1, "narrow", scopes=frozenset({"task"}))
    s1.base = "/rest/1/narrow/"
    assert s1.trigger("DEAL_57").error == (
        401,
        "insufficient_scope",
        "The request requires higher privileges than provided by the webhook token",
    )
    assert s1.get("scope").result == ["task"]


@pytest.mark.parametrize("body", ['{"target":"DEAL_1', '"DEAL_1"', "17", "null", "", "[" * 5000])
def test_case_38_broken_json_is_ignored(s1, body):
    path = s1.base + "crm.automation.trigger?target=DEAL_57&code=c5u4m"
    reply = s1.request("POST", path, body, {"Content-Type": "application/json"})
    assert reply.result is True
    assert s1.at("DEAL_57") == "PREPARATION"


def test_case_39_json_as_text_is_no_json(s1):
    body = json.dumps({"target": "DEAL_57", "code": "c5u4m"})
    reply = s1.request("POST", s1.base + "crm.automation.trigger", body, {"Content-Type": "text/plain"})
    assert reply.error == (400, "", "Target is not set.")


def test_case_40_the_body_wins_over_the_query(s1):
    s1.portal.add_deal(id=1)
    path = s1.base + "crm.automation.trigger?target=DEAL_1&code=c5u4m"
    reply = s1.request("POST", path, '{"target":"DEAL_57"}', {"Content-Type": "application/json; charset=utf-8"})
    assert reply.result is True
    assert (s1.at("DEAL_57"), s1.at("DEAL_1")) == ("PREPARATION", "NEW")


def test_case_40_json_in_a_get_is_not_read(s1):
    path = s1.base + "crm.automation.trigger"
    reply = s1.request("GET", path, '{"target":"DEAL_57"}', {"Content-Type": "application/json"})
    assert reply.error == (400, "", "Target is not set.")


def test_case_41_the_51st_fast_request_is_refused(s1):
    for _ in range(50):
        assert s1.get("scope").status == 200
    reply = s1.trigger("DEAL_57")
    assert reply.status == 503
    assert reply.json == {"error": "QUERY_LIMIT_EXCEEDED", "error_description": "Too many requests"}
    assert "retry-after" not in reply.headers
    assert s1.at("DEAL_57") == "NEW"
    s1.server.clock.advance(0.5)
    assert s1.trigger("DEAL_57").result is True


def test_case_42_the_operating_limit(s1):
    s1.portal.operating.seconds = 5
    s1.portal.add_robot("PREPARATION", seconds=6)
    first = s1.trigger("DEAL_57")
    assert first.json["time"]["operating"] == pytest.approx(6)
    reply = s1.trigger("DEAL_57")
    assert reply.status == 429
    assert reply.json == {
        "error": "OPERATION_TIME_LIMIT",
        "error_description": "Method is blocked due to operation time limit.",
    }
    assert s1.get("crm.item.get", "entityTypeId=2&id=57").status == 200
    reset_at = first.json["time"]["operating_reset_at"]
    s1.server.clock.advance(reset_at - s1.server.clock.now() - 1)
    assert s1.trigger("DEAL_57").status == 429
    s1.server.clock.advance(1)
    assert s1.trigger("DEAL_57").result is True


def test_case_43_a_system_webhook_without_subscription_fires_triggers_only(s1):
    s1.portal.settings.subscription = "missing"
    s1.base = f"/rest/1/{SYSTEM_SECRET}/"
    refusal = (401, "ACCESS_DENIED", "REST is available only by subscription.")
    assert s1.batch({"a": "crm.automation.trigger?target=DEAL_57&code=c5u4m"}).error == refusal
    assert s1.get("crm.item.get", "entityTypeId=2&id=57").error == refusal
    assert s1.at("DEAL_57") == "NEW"
    assert s1.trigger("DEAL_57").result is True
    assert s1.at("DEAL_57") == "PREPARATION"
    s1.base = "/rest/1/sec/"
    assert s1.trigger("DEAL_57").error == refusal


@pytest.mark.parametrize(("statuses", "status"), [("source", 401), ("docs", 503)])
def test_case_44_a_blocked_webhook(s1, statuses, status):
    s1.portal.settings.statuses = statuses
    s1.portal.accounts.find_webhook("1", "sec").is_blocked = True
    assert s1.trigger("DEAL_57").error == (status, "OVERLOAD_LIMIT", "REST API is blocked due to overload.")


@pytest.mark.parametrize(("statuses", "status"), [("source", 403), ("docs", 500)])
def test_case_45_a_closed_portal(s1, statuses, status):
    s1.portal.settings.statuses = statuses
    s1.portal.settings.is_closed = True
    assert s1.trigger("DEAL_57").error == (status, "PORTAL_DELETED", "Portal was deleted")


def test_case_46_a_renamed_portal(s1):
    s1.portal.settings.renamed_to = "new.bitrix24.example"
    reply = s1.get("crm.automation.trigger/", "target=DEAL_57&code=c5u4m")
    assert reply.status == 302
    assert reply.headers["location"] == (
        "https://new.bitrix24.example/rest/1/sec/crm.automation.trigger/?target=DEAL_57&code=c5u4m"
    )
    assert reply.body == b""
    assert s1.at("DEAL_57") == "NEW"


def test_case_46_an_expired_licence(s1):
    s1.portal.settings.license_expired = True
    reply = s1.trigger("DEAL_57")
    assert (reply.status, reply.headers["location"]) == (302, "/bitrix/coupon_activation.php")


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
def test_case_47_answers_that_are_no_envelope(s1, fault, status, content_type, stage):
    s1.server.faults.script([fault])
    reply = s1.trigger("DEAL_57")
    assert (reply.status, reply.headers["content-type"]) == (status, content_type)
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|delimiter"):
        json.loads(reply.body)
    assert s1.at("DEAL_57") == stage
    assert s1.get("scope").status == 200  # the next request is none of its business


def test_case_47_a_body_that_ends_in_the_middle(s1):
    import http.client

    s1.server.faults.script([Fault(kind=FaultKind.CUT_BODY, when="after")])
    with pytest.raises(http.client.IncompleteRead):
        s1.trigger("DEAL_57")
    assert s1.at("DEAL_57") == "PREPARATION"


def test_case_48_the_parameter_token_switches_to_signed_links(s1):
    reply = s1.get("crm.automation.trigger", "target=DEAL_57&token=x")
    assert reply.error == (403, "ACCESS_DENIED", "Access denied! Link check failed")


def test_trigger_refusal_has_the_documented_status_by_the_switch(s1):
    s1.portal.settings.statuses = "docs"
    s1.add_user(2, "sec2")
    s1.portal.accounts.users[2].denied_items = frozenset({(2, 57)})
    s1.base = "/rest/2/sec2/"
    assert s1.trigger("DEAL_57").status == 400
    s1.base = "/rest/1/wrong/"
    assert s1.trigger("DEAL_57").status == 403


@pytest.mark.parametrize("plan", [Plan.STANDARD, Plan.ENTERPRISE])
def test_plans_set_the_bucket(plan):
    with SimulatorServer(clock=Clock(virtual=True), plan=plan) as server:
        set_up_s1(server)
        portal = Portal(server)
        burst, rate = {Plan.STANDARD: (50, 2), Plan.ENTERPRISE: (250, 5)}[plan]
        assert [portal.get("scope").status for _ in range(burst + 1)] == [200] * burst + [503]
        server.clock.advance(1)
        assert [portal.get("scope").status for _ in range(rate + 1)] == [200] * rate + [503]


def test_a_multipart_body_is_read_as_a_form(s1):
    body = (
        '--xyz\r\nContent-Disposition: form-data; name="target"\r\n\r\nDEAL_57\r\n'
        '--xyz\r\nContent-Disposition: form-data; name="code"\r\n\r\nc5u4m\r\n--xyz--\r\n'
    )
    path = s1.base + "crm.automation.trigger"
    reply = s1.request("POST", path, body, {"Content-Type": "multipart/form-data; boundary=xyz"})
    assert reply.result is True
    assert s1.at("DEAL_57") == "PREPARATION"


def test_a_body_without_content_type_is_read_as_a_form(s1):
    reply = s1.request("POST", s1.base + "crm.automation.trigger", "target=DEAL_57&code=c5u4m", {})
    assert reply.result is True
    assert s1.at("DEAL_57") == "PREPARATION"


def test_an_array_as_target_kills_the_portals_own_code(s1):
    reply = s1.post("crm.automation.trigger", {"target": ["DEAL_57"]})
    assert (reply.status, reply.body) == (500, b"")
    assert s1.batch({"a": "crm.automation.trigger?target[]=DEAL_57"}).status == 500


def test_a_result_that_cannot_be_encoded_is_lost_with_status_200(s1):
    s1.post("crm.item.update", {"entityTypeId": 2, "id": 57, "fields": {"title": "\ud800"}})
    reply = s1.get("crm.item.get", "entityTypeId=2&id=57")
    assert (reply.status, reply.json["error"]) == (200, "WRONG_ENCODING")


def test_json_is_escaped_as_the_portal_does(s1):
    s1.portal.find("DEAL_57").title = '<a href="/x">Müller & Söhne</a> \'\\"'
    body = s1.get("crm.item.get", "entityTypeId=2&id=57").body.decode()
    assert r"\u003Ca href=\u0022\/x\u0022\u003EMüller \u0026 Söhne\u003C\/a\u003E \u0027\\\u0022" in body
    assert json.loads(body)["result"]["item"]["title"] == '<a href="/x">Müller & Söhne</a> \'\\"'


def test_headers_of_a_success(s1):
    headers = s1.get("scope").headers
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert headers["access-control-allow-origin"] == "*"
    assert headers["x-content-type-options"] == "nosniff"
    assert "x-bitrix-rest-time" in headers
