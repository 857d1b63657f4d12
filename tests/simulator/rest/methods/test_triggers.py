from __future__ import annotations

import pytest

from airflow_provider_bitrix24.simulator.portal.model import Access
from tests.support.portal_client import assert_accepted, assert_moved_once, assert_nothing_happened


def test_a_fire_moves_the_deal_with_one_row_of_history_and_one_event(client):
    assert_accepted(client.get("crm.automation.trigger/", "target=DEAL_57&code=c5u4m"))
    assert_moved_once(client)


def test_the_same_fire_again_is_accepted_and_does_nothing(client):
    client.trigger("DEAL_57")
    client.portal.events.outgoing.clear()
    assert_accepted(client.trigger("DEAL_57"))
    assert client.moves_in_history("DEAL_57") == [(2, "PREPARATION")]
    assert not client.portal.events.outgoing


def test_parameters_may_come_as_json(client):
    assert_accepted(client.post("crm.automation.trigger", {"target": "DEAL_57", "code": "c5u4m"}))
    assert_moved_once(client)


def test_parameters_may_come_as_a_form(client):
    assert_accepted(client.form("crm.automation.trigger", {"target": "DEAL_57", "code": "c5u4m"}))
    assert_moved_once(client)


def test_a_missing_target_is_refused(client):
    response = client.get("crm.automation.trigger/", "code=c5u4m")
    assert response.status == 400
    assert response.json == {"error": "", "error_description": "Target is not set."}


def test_a_target_of_null_is_refused(client):
    response = client.post("crm.automation.trigger", {"target": None})
    assert (response.status, response.json) == (400, {"error": "", "error_description": "Target is not set."})


def test_parameter_names_are_case_sensitive(client):
    assert client.get("crm.automation.trigger", "TARGET=DEAL_57").error == (400, "", "Target is not set.")


def test_an_empty_target_is_refused(client):
    assert client.get("crm.automation.trigger", "target=").error == (400, "", "Incorrect target format.")


@pytest.mark.parametrize("target", ["57", "DEAL57"])
def test_a_target_without_underscore_is_refused(client, target):
    assert client.trigger(target).error == (400, "", "Incorrect target format.")


@pytest.mark.parametrize("target", ["DEAL_", "DEAL_0", "DEAL_abc", "_57", "FOO_57"])
def test_a_target_of_an_unknown_type_or_without_id_is_refused(client, target):
    assert client.trigger(target).error == (400, "", "Target is not found.")


@pytest.mark.parametrize("target", ["T80_6", "Tb1_6"])
def test_short_names_of_smart_processes_are_not_resolved(client, target):
    assert client.trigger(target).error == (400, "", "Target is not found.")


@pytest.mark.parametrize("target", ["deal_57", "D_57", " DEAL_57"])
def test_other_spellings_of_the_type_are_understood(client, target):
    assert_accepted(client.trigger(target))
    assert_moved_once(client)


def test_a_deal_can_be_named_as_dynamic_type_2(client):
    assert_accepted(client.trigger("DYNAMIC_2_57"))
    assert_moved_once(client)


def test_ids_are_cast_as_php_casts_them(client):
    client.portal.add_deal(id=1000)
    assert_accepted(client.trigger("DEAL_57abc"))
    assert_moved_once(client)
    assert_accepted(client.trigger("DEAL_1e3"))
    assert client.stage_of("DEAL_1000") == "PREPARATION"


def test_an_array_as_target_crashes_the_portals_own_code(client):
    response = client.post("crm.automation.trigger", {"target": ["DEAL_57"]})
    assert (response.status, response.body) == (500, b"")
    assert client.batch({"a": "crm.automation.trigger?target[]=DEAL_57"}).status == 500


def test_an_administrators_fire_for_a_missing_deal_is_accepted(client):
    assert_accepted(client.trigger("DEAL_999999"))
    assert_nothing_happened(client)
    assert client.portal.fires == {"DEAL_999999": 1}


@pytest.mark.parametrize("access", [Access.READ, Access.OWN])
def test_a_user_who_cannot_update_the_deal_is_refused(client, access):
    client.sign_in_as(2, access)
    response = client.trigger("DEAL_57")
    assert response.status == 403
    assert response.json == {
        "error": "ACCESS_DENIED",
        "error_description": "Access denied! There is no permissions to update the entity.",
    }
    assert_nothing_happened(client)
    assert not client.portal.fires


def test_a_user_without_access_to_the_crm_is_refused(client):
    client.sign_in_as(2, Access.NONE)
    assert client.trigger("DEAL_57").error == (400, "", "Access denied.")


@pytest.mark.parametrize("target", ["DYNAMIC_9999_1", "INVOICE_1", "REQUISITE_1"])
def test_types_without_automation_are_accepted_without_effect(client, target):
    assert_accepted(client.trigger(target))
    assert_nothing_happened(client)
