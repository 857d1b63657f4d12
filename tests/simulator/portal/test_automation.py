from __future__ import annotations

import pytest

from airflow_provider_bitrix24.simulator.portal.entity_types import LEAD, QUOTE, SMART_INVOICE, resolve_type
from airflow_provider_bitrix24.simulator.portal.model import Condition, HistoryType
from tests.support.portal_client import assert_accepted, assert_moved_once, assert_nothing_happened


@pytest.mark.parametrize("code", ["nosuch", "C5U4M"])
def test_a_wrong_code_moves_nothing(client, code):
    assert_accepted(client.trigger("DEAL_57", code))
    assert_nothing_happened(client)


def test_a_call_without_code_moves_nothing_when_all_triggers_have_one(client):
    assert_accepted(client.trigger("DEAL_57", None))
    assert_nothing_happened(client)


@pytest.mark.parametrize("code", [None, "whatever", "c5u4m"])
def test_a_trigger_without_code_matches_every_call(client, code):
    client.portal.triggers.clear()
    client.portal.add_trigger("PREPARATION")
    assert_accepted(client.trigger("DEAL_57", code))
    assert_moved_once(client)


def test_an_item_goes_back_only_where_that_is_allowed(client):
    client.portal.add_deal(id=58, stage="EXECUTING")
    assert_accepted(client.trigger("DEAL_58"))
    assert client.stage_of("DEAL_58") == "EXECUTING"
    client.portal.triggers.clear()
    client.portal.add_trigger("PREPARATION", code="c5u4m", allow_backwards=True)
    assert_accepted(client.trigger("DEAL_58"))
    assert client.stage_of("DEAL_58") == "PREPARATION"


def test_the_same_code_on_two_stages_moves_twice(client):
    client.portal.add_trigger("EXECUTING", code="c5u4m")
    stages = []
    for _ in range(3):
        assert_accepted(client.trigger("DEAL_57"))
        stages.append(client.stage_of("DEAL_57"))
    assert stages == ["PREPARATION", "EXECUTING", "EXECUTING"]
    assert client.portal.moves["DEAL_57"] == 2


def test_the_trigger_of_the_earlier_stage_wins(client):
    client.portal.add_trigger("WON", code="twice")
    client.portal.add_trigger("EXECUTING", code="twice")
    client.trigger("DEAL_57", "twice")
    assert client.stage_of("DEAL_57") == "EXECUTING"


@pytest.mark.parametrize(
    "conditions", [{"title": "Something else"}, [Condition("opportunity", ">", 1000), Condition("title", "!empty")]]
)
def test_a_false_condition_leaves_the_next_trigger(client, conditions):
    client.portal.triggers.clear()
    client.portal.add_trigger("PREPARATION", code="c5u4m", conditions=conditions)
    client.portal.add_trigger("EXECUTING", code="c5u4m")
    assert_accepted(client.trigger("DEAL_57"))
    assert client.stage_of("DEAL_57") == "EXECUTING"


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (Condition("opportunity", "=", "100.0"), True),
        (Condition("title", "!=", "Deal 57"), False),
        (Condition("opportunity", ">", 99), True),
        (Condition("opportunity", ">=", 100), True),
        (Condition("opportunity", "<", 100), False),
        (Condition("opportunity", "<=", "100"), True),
        (Condition("opportunity", ">", "many"), False),
        (Condition("title", "contain", "al 5"), True),
        (Condition("stageId", "in", ["NEW", "WON"]), True),
        (Condition("ufCrm_1", "empty"), True),
        (Condition("contactId", "!empty"), False),
    ],
)
def test_conditions_compare_fields(client, condition, holds):
    client.portal.find("DEAL_57").opportunity = 100.0
    client.portal.triggers.clear()
    client.portal.add_trigger("EXECUTING", code="x", conditions=[condition])
    client.trigger("DEAL_57", "x")
    assert (client.stage_of("DEAL_57") == "EXECUTING") is holds


def test_conditions_know_the_names_of_the_rest_fields(client):
    client.portal.triggers.clear()
    client.portal.add_trigger("EXECUTING", code="c5u4m", conditions={"assignedById": 1, "contactId": 7, "ufCrm_1": "x"})
    client.trigger("DEAL_57")
    assert client.stage_of("DEAL_57") == "NEW"
    client.update_item(contactId=7, ufCrm_1="x")
    client.trigger("DEAL_57")
    assert client.stage_of("DEAL_57") == "EXECUTING"


def test_a_trigger_of_another_pipeline_moves_nothing(client):
    client.portal.triggers.clear()
    client.portal.add_trigger("C5:NEW", code="c5u4m")
    assert_accepted(client.trigger("DEAL_57"))
    assert_nothing_happened(client)


@pytest.mark.parametrize(
    ("target", "type_id", "trigger_stage", "event"),
    [
        ("SMART_INVOICE_12", SMART_INVOICE, "DT31_2:S", "ONCRMDYNAMICITEMUPDATE"),
        ("DYNAMIC_177_5", 177, "DT177_12:CLIENT", "ONCRMDYNAMICITEMUPDATE"),
        ("QUOTE_3", QUOTE, "SENT", "ONCRMQUOTEUPDATE"),
        ("LEAD_4", LEAD, "IN_PROCESS", "ONCRMLEADUPDATE"),
    ],
)
def test_leads_quotes_invoices_and_smart_process_items_move(client, target, type_id, trigger_stage, event):
    client.portal.add_item(type_id, int(target.rpartition("_")[2]))
    client.portal.add_trigger(trigger_stage, code="go", type_id=type_id)
    assert_accepted(client.trigger(target, "go"))
    assert client.stage_of(target) == trigger_stage
    assert [each.name for each in client.portal.events.outgoing] == [event]


def test_twins_in_the_recycle_bin_never_move(client):
    client.portal.add_item(177, 5)
    client.portal.add_trigger("DT177_12:CLIENT", type_id=177)
    assert resolve_type("SUS_DYNAMIC_177") not in (0, 177)
    assert client.trigger("SUS_DYNAMIC_177_5").result is True
    assert client.stage_of("DYNAMIC_177_5") == "DT177_12:NEW"


def test_the_executor_of_a_trigger_is_the_mover(client):
    client.portal.triggers.clear()
    client.portal.add_trigger("WON", code="c5u4m", execute_by=12)
    client.trigger("DEAL_57")
    assert client.portal.find("DEAL_57").moved_by == 12
    assert client.moves_in_history("DEAL_57") == [(int(HistoryType.FINAL), "WON")]


def test_automation_leads_and_other_types_can_be_switched_off(client):
    client.portal.settings.automation_enabled = False
    assert client.trigger("DEAL_57").result is True
    assert client.stage_of("DEAL_57") == "NEW"
    client.portal.settings.automation_enabled = True
    client.portal.settings.leads_enabled = False
    client.portal.add_item(1, 4)
    client.portal.add_trigger("IN_PROCESS", code="c5u4m", type_id=1)
    assert client.trigger("LEAD_4").result is True
    assert client.stage_of("LEAD_4") == "NEW"
    client.portal.settings.fires_all_types = False
    assert client.trigger("QUOTE_1").status == 403
    assert client.trigger("DEAL_57").result is True
    assert client.stage_of("DEAL_57") == "PREPARATION"


def test_a_vetoed_move_is_accepted_without_effect(client):
    client.portal.add_veto("PREPARATION")
    assert_accepted(client.trigger("DEAL_57"))
    assert_nothing_happened(client)


def test_a_contact_moves_its_open_deal(client):
    client.portal.add_deal(id=60, contact_id=7)
    client.portal.add_deal(id=61, stage="WON", contact_id=7)
    assert_accepted(client.trigger("CONTACT_7"))
    assert (client.stage_of("DEAL_60"), client.stage_of("DEAL_61"), client.stage_of("DEAL_57")) == (
        "PREPARATION",
        "WON",
        "NEW",
    )


def test_a_contact_moves_a_deal_whose_second_contact_it_is(client):
    client.update_item(contactIds=[4, 7])
    client.portal.items[2].place(client.portal.add_deal(id=60, contact_id=7), 9, "C9:GONE")
    assert_accepted(client.trigger("CONTACT_7"))
    assert client.stage_of("DEAL_57") == "PREPARATION"


def test_a_company_moves_the_smart_process_items_of_types_with_triggers(client):
    for item_id in (1, 2):
        client.portal.add_item(177, item_id, company_id=9)
    client.portal.add_trigger("DT177_12:CLIENT", code="c5u4m", type_id=177)
    assert_accepted(client.trigger("COMPANY_9"))
    assert [client.stage_of("DYNAMIC_177_1"), client.stage_of("DYNAMIC_177_2")] == ["DT177_12:CLIENT"] * 2


def test_a_contact_without_items_moves_nothing(client):
    assert client.trigger("CONTACT_7").result is True
    assert client.trigger("COMPANY_9").result is True
    assert not client.portal.moves
