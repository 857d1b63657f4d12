"""The methods of ``triggers`` that only applications can call."""

from __future__ import annotations

import pytest


def test_a_webhook_has_no_application(client):
    assert client.post("crm.automation.trigger.execute", {"CODE": "x"}).error == (
        403,
        "ACCESS_DENIED",
        "Access denied! Application context required",
    )
    client.sign_in_as(2)
    assert client.post("crm.automation.trigger.execute", {"CODE": "x"}).error == (
        403,
        "ACCESS_DENIED",
        "Access denied! Admin permissions required",
    )


def test_registering_renaming_listing_and_deleting_a_trigger(client, grant):
    token = grant.access_token
    response = client.call_with_token(token, "crm.automation.trigger.execute", CODE="x", OWNER_TYPE_ID=2, OWNER_ID=57)
    assert response.error == (400, "", "Trigger with code x is not registered.")
    assert client.call_with_token(token, "crm.automation.trigger.add", CODE="x", NAME="First").result is True
    assert client.call_with_token(token, "crm.automation.trigger.add", code="x", name="Second").result is True
    assert client.call_with_token(token, "crm.automation.trigger.list").result == [{"NAME": "Second", "CODE": "x"}]
    assert client.call_with_token(token, "crm.automation.trigger.delete", CODE="x").result is True
    assert client.call_with_token(token, "crm.automation.trigger.delete", CODE="x").error == (
        400,
        "",
        "Trigger not found",
    )


@pytest.mark.parametrize(
    ("method", "params", "description"),
    [
        ("add", {}, "Empty trigger code!"),
        ("add", {"CODE": "0", "NAME": "n"}, "Empty trigger code!"),
        ("add", {"CODE": "a b", "NAME": "n"}, "Wrong trigger code!"),
        ("add", {"CODE": "a"}, "Empty trigger name!"),
        ("execute", {"CODE": "known", "OWNER_ID": 57}, "Incorrect parameter OWNER_TYPE_ID."),
        ("execute", {"CODE": "known", "OWNER_TYPE_ID": 2, "OWNER_ID": 0}, "Incorrect parameter OWNER_ID."),
    ],
)
def test_malformed_arguments_are_refused(client, application, grant, method, params, description):
    application.triggers["known"] = "Known"
    response = client.call_with_token(grant.access_token, f"crm.automation.trigger.{method}", **params)
    assert response.error == (400, "", description)


def test_a_registered_trigger_moves_items_once_it_is_placed_on_a_stage(client, application, grant):
    application.triggers["paid"] = "Paid"
    params = {"CODE": "paid", "OWNER_TYPE_ID": 2, "OWNER_ID": 57}
    assert client.call_with_token(grant.access_token, "crm.automation.trigger.execute", **params).result is True
    assert client.stage_of("DEAL_57") == "NEW"
    client.portal.add_trigger("EXECUTING", code="paid", application="local.app1")
    assert client.call_with_token(grant.access_token, "crm.automation.trigger.execute", **params).result is True
    assert client.stage_of("DEAL_57") == "EXECUTING"


@pytest.mark.usefixtures("application")
def test_a_webhook_does_not_fire_an_applications_trigger(client):
    client.portal.triggers.clear()
    client.portal.add_trigger("EXECUTING", code="paid", application="local.app1")
    assert client.trigger("DEAL_57", "paid").result is True
    assert client.stage_of("DEAL_57") == "NEW"
