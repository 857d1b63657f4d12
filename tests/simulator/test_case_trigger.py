"""Cases 1 to 30: the webhook trigger."""

from __future__ import annotations

import http.client

import pytest

from airflow_provider_bitrix24.simulator.portal.entity_types import LEAD, QUOTE, SMART_INVOICE
from airflow_provider_bitrix24.simulator.portal.faults import Fault, FaultKind
from airflow_provider_bitrix24.simulator.portal.model import Access, Condition

TIME_KEYS = {"start", "finish", "duration", "processing", "date_start", "date_finish"} | {
    "operating_reset_at",
    "operating",
}


def assert_moved_once(s1) -> None:
    assert s1.at("DEAL_57") == "PREPARATION"
    assert s1.moves_in_history("DEAL_57") == [(2, "PREPARATION")]
    assert s1.portal.find("DEAL_57").moved_by == 0
    assert [event.name for event in s1.portal.events.outgoing] == ["ONCRMDEALUPDATE"]
    assert s1.portal.moves["DEAL_57"] == 1


def assert_nothing_happened(s1, stage: str = "NEW") -> None:
    assert s1.at("DEAL_57") == stage
    assert s1.moves_in_history("DEAL_57") == []
    assert not s1.portal.events.outgoing


def assert_true(reply) -> None:
    assert reply.status == 200
    assert reply.json["result"] is True
    assert set(reply.json["time"]) == TIME_KEYS
    assert set(reply.json) == {"result", "time"}


def test_case_01_get_moves_the_deal_and_writes_one_row_and_one_event(s1):
    assert_true(s1.get("crm.automation.trigger/", "target=DEAL_57&code=c5u4m"))
    assert_moved_once(s1)


def test_case_02_the_same_call_again_answers_true_and_does_nothing(s1):
    s1.trigger("DEAL_57")
    s1.portal.events.outgoing.clear()
    assert_true(s1.trigger("DEAL_57"))
    assert s1.moves_in_history("DEAL_57") == [(2, "PREPARATION")]
    assert not s1.portal.events.outgoing


def test_case_03_json_body(s1):
    assert_true(s1.post("crm.automation.trigger", {"target": "DEAL_57", "code": "c5u4m"}))
    assert_moved_once(s1)


def test_case_04_form_body(s1):
    assert_true(s1.form("crm.automation.trigger", {"target": "DEAL_57", "code": "c5u4m"}))
    assert_moved_once(s1)


def test_case_05_no_target(s1):
    reply = s1.get("crm.automation.trigger/", "code=c5u4m")
    assert reply.status == 400
    assert reply.json == {"error": "", "error_description": "Target is not set."}


def test_case_06_target_null(s1):
    reply = s1.post("crm.automation.trigger", {"target": None})
    assert (reply.status, reply.json) == (400, {"error": "", "error_description": "Target is not set."})


def test_case_07_parameter_names_are_case_sensitive(s1):
    assert s1.get("crm.automation.trigger", "TARGET=DEAL_57").error == (400, "", "Target is not set.")


def test_case_08_empty_target(s1):
    assert s1.get("crm.automation.trigger", "target=").error == (400, "", "Incorrect target format.")


@pytest.mark.parametrize("target", ["57", "DEAL57"])
def test_case_09_target_without_underscore(s1, target):
    assert s1.trigger(target).error == (400, "", "Incorrect target format.")


@pytest.mark.parametrize("target", ["DEAL_", "DEAL_0", "DEAL_abc", "_57", "FOO_57"])
def test_case_10_unknown_type_or_no_id(s1, target):
    assert s1.trigger(target).error == (400, "", "Target is not found.")


@pytest.mark.parametrize("target", ["T80_6", "Tb1_6"])
def test_case_11_short_names_of_smart_processes_are_not_resolved(s1, target):
    assert s1.trigger(target).error == (400, "", "Target is not found.")


@pytest.mark.parametrize("target", ["deal_57", "D_57", " DEAL_57"])
def test_case_12_other_spellings_of_the_type(s1, target):
    assert_true(s1.trigger(target))
    assert_moved_once(s1)


def test_case_13_a_deal_as_dynamic_type_2(s1):
    assert_true(s1.trigger("DYNAMIC_2_57"))
    assert_moved_once(s1)


def test_case_14_ids_are_cast_as_php_does(s1):
    s1.portal.add_deal(id=1000)
    assert_true(s1.trigger("DEAL_57abc"))
    assert_moved_once(s1)
    assert_true(s1.trigger("DEAL_1e3"))
    assert s1.at("DEAL_1000") == "PREPARATION"


def test_case_15_a_missing_deal_is_true_for_an_administrator(s1):
    assert_true(s1.trigger("DEAL_999999"))
    assert_nothing_happened(s1)
    assert s1.portal.fires == {"DEAL_999999": 1}


@pytest.mark.parametrize("access", [Access.READ, Access.OWN])
def test_case_16_no_right_to_update(s1, access):
    s1.add_user(2, "sec2", access)
    s1.base = "/rest/2/sec2/"
    reply = s1.trigger("DEAL_57")
    assert reply.status == 403
    assert reply.json == {
        "error": "ACCESS_DENIED",
        "error_description": "Access denied! There is no permissions to update the entity.",
    }
    assert_nothing_happened(s1)
    assert not s1.portal.fires


def test_case_17_no_access_to_the_crm(s1):
    s1.add_user(2, "sec2", Access.NONE)
    s1.base = "/rest/2/sec2/"
    assert s1.trigger("DEAL_57").error == (400, "", "Access denied.")


@pytest.mark.parametrize("code", ["nosuch", "C5U4M"])
def test_case_18_wrong_code(s1, code):
    assert_true(s1.trigger("DEAL_57", code))
    assert_nothing_happened(s1)


def test_case_19_no_code_while_all_triggers_have_one(s1):
    assert_true(s1.trigger("DEAL_57", None))
    assert_nothing_happened(s1)


@pytest.mark.parametrize("code", [None, "whatever", "c5u4m"])
def test_case_20_a_trigger_without_code_matches_every_call(s1, code):
    s1.portal.triggers.clear()
    s1.portal.add_trigger("PREPARATION")
    assert_true(s1.trigger("DEAL_57", code))
    assert_moved_once(s1)


def test_case_21_going_back_only_when_allowed(s1):
    s1.portal.add_deal(id=58, stage="EXECUTING")
    assert_true(s1.trigger("DEAL_58"))
    assert s1.at("DEAL_58") == "EXECUTING"
    s1.portal.triggers.clear()
    s1.portal.add_trigger("PREPARATION", code="c5u4m", allow_backwards=True)
    assert_true(s1.trigger("DEAL_58"))
    assert s1.at("DEAL_58") == "PREPARATION"


def test_case_22_the_same_code_on_two_stages_moves_twice(s1):
    s1.portal.add_trigger("EXECUTING", code="c5u4m")
    stages = []
    for _ in range(3):
        assert_true(s1.trigger("DEAL_57"))
        stages.append(s1.at("DEAL_57"))
    assert stages == ["PREPARATION", "EXECUTING", "EXECUTING"]
    assert s1.portal.moves["DEAL_57"] == 2


@pytest.mark.parametrize(
    "conditions", [{"title": "Something else"}, [Condition("opportunity", ">", 1000), Condition("title", "!empty")]]
)
def test_case_23_a_false_condition_leaves_the_next_trigger(s1, conditions):
    s1.portal.triggers.clear()
    s1.portal.add_trigger("PREPARATION", code="c5u4m", conditions=conditions)
    s1.portal.add_trigger("EXECUTING", code="c5u4m")
    assert_true(s1.trigger("DEAL_57"))
    assert s1.at("DEAL_57") == "EXECUTING"


def test_case_24_a_trigger_of_another_pipeline(s1):
    s1.portal.triggers.clear()
    s1.portal.add_trigger("C5:NEW", code="c5u4m")
    assert_true(s1.trigger("DEAL_57"))
    assert_nothing_happened(s1)


@pytest.mark.parametrize(
    ("target", "type_id", "trigger_stage", "event"),
    [
        ("SMART_INVOICE_12", SMART_INVOICE, "DT31_2:S", "ONCRMDYNAMICITEMUPDATE"),
        ("DYNAMIC_177_5", 177, "DT177_12:CLIENT", "ONCRMDYNAMICITEMUPDATE"),
        ("QUOTE_3", QUOTE, "SENT", "ONCRMQUOTEUPDATE"),
        ("LEAD_4", LEAD, "IN_PROCESS", "ONCRMLEADUPDATE"),
    ],
)
def test_case_25_other_types_move(s1, target, type_id, trigger_stage, event):
    s1.portal.add_item(type_id, int(target.rpartition("_")[2]))
    s1.portal.add_trigger(trigger_stage, code="go", type_id=type_id)
    assert_true(s1.trigger(target, "go"))
    assert s1.at(target) == trigger_stage
    assert [each.name for each in s1.portal.events.outgoing] == [event]


@pytest.mark.parametrize("target", ["DYNAMIC_9999_1", "INVOICE_1", "REQUISITE_1"])
def test_case_26_types_without_automation_are_true(s1, target):
    assert_true(s1.trigger(target))
    assert_nothing_happened(s1)


def test_case_27_a_contact_moves_its_open_deal(s1):
    s1.portal.add_deal(id=60, contact_id=7)
    s1.portal.add_deal(id=61, stage="WON", contact_id=7)
    assert_true(s1.trigger("CONTACT_7"))
    assert (s1.at("DEAL_60"), s1.at("DEAL_61"), s1.at("DEAL_57")) == ("PREPARATION", "WON", "NEW")


def test_case_27_a_company_moves_the_smart_process_items_of_types_with_triggers(s1):
    for item_id in (1, 2):
        s1.portal.add_item(177, item_id, company_id=9)
    s1.portal.add_trigger("DT177_12:CLIENT", code="c5u4m", type_id=177)
    assert_true(s1.trigger("COMPANY_9"))
    assert [s1.at("DYNAMIC_177_1"), s1.at("DYNAMIC_177_2")] == ["DT177_12:CLIENT"] * 2


def test_case_28_a_robot_moves_on(s1):
    s1.portal.add_robot("PREPARATION", move_to="EXECUTING")
    assert_true(s1.trigger("DEAL_57"))
    assert s1.at("DEAL_57") == "EXECUTING"
    assert s1.moves_in_history("DEAL_57") == [(2, "PREPARATION"), (2, "EXECUTING")]


def test_case_29_a_handler_vetoes(s1):
    s1.portal.add_veto("PREPARATION")
    assert_true(s1.trigger("DEAL_57"))
    assert_nothing_happened(s1)


@pytest.mark.parametrize("kind", [FaultKind.CUT, FaultKind.RESET])
def test_case_30_the_effect_stays_when_the_connection_does_not(s1, kind):
    s1.server.faults.script([Fault(kind=kind, when="after")])
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        s1.trigger("DEAL_57")
    assert_moved_once(s1)
    assert_true(s1.trigger("DEAL_57"))
    assert s1.portal.moves["DEAL_57"] == 1
