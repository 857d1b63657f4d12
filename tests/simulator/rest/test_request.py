from __future__ import annotations

import json

import pytest


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
def test_forms_of_a_methods_name(client, method):
    assert client.get(method, "target=DEAL_57&code=c5u4m").result is True
    assert client.stage_of("DEAL_57") == "PREPARATION"


@pytest.mark.parametrize("body", ['{"target":"DEAL_1', '"DEAL_1"', "17", "null", "", "[" * 5000])
def test_broken_json_is_ignored(client, body):
    path = client.base + "crm.automation.trigger?target=DEAL_57&code=c5u4m"
    response = client.request("POST", path, body, {"Content-Type": "application/json"})
    assert response.result is True
    assert client.stage_of("DEAL_57") == "PREPARATION"


def test_json_with_the_content_type_of_text_is_not_read(client):
    body = json.dumps({"target": "DEAL_57", "code": "c5u4m"})
    response = client.request("POST", client.base + "crm.automation.trigger", body, {"Content-Type": "text/plain"})
    assert response.error == (400, "", "Target is not set.")


def test_the_body_overrides_the_query(client):
    client.portal.add_deal(id=1)
    path = client.base + "crm.automation.trigger?target=DEAL_1&code=c5u4m"
    response = client.request("POST", path, '{"target":"DEAL_57"}', {"Content-Type": "application/json; charset=utf-8"})
    assert response.result is True
    assert (client.stage_of("DEAL_57"), client.stage_of("DEAL_1")) == ("PREPARATION", "NEW")


def test_the_body_of_a_get_is_not_read(client):
    path = client.base + "crm.automation.trigger"
    response = client.request("GET", path, '{"target":"DEAL_57"}', {"Content-Type": "application/json"})
    assert response.error == (400, "", "Target is not set.")


def test_a_multipart_body_is_read_as_a_form(client):
    body = (
        '--xyz\r\nContent-Disposition: form-data; name="target"\r\n\r\nDEAL_57\r\n'
        '--xyz\r\nContent-Disposition: form-data; name="code"\r\n\r\nc5u4m\r\n--xyz--\r\n'
    )
    path = client.base + "crm.automation.trigger"
    response = client.request("POST", path, body, {"Content-Type": "multipart/form-data; boundary=xyz"})
    assert response.result is True
    assert client.stage_of("DEAL_57") == "PREPARATION"


def test_a_body_without_content_type_is_read_as_a_form(client):
    response = client.request("POST", client.base + "crm.automation.trigger", "target=DEAL_57&code=c5u4m", {})
    assert response.result is True
    assert client.stage_of("DEAL_57") == "PREPARATION"
