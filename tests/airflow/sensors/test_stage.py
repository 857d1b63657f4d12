"""The stage sensor in its three modes, run by Airflow's own task runner against a portal on a real socket."""

from __future__ import annotations

import pytest

from tests.support.sensor_runs import DEALS, move_at_sleeps, only


def test_it_waits_until_all_entities_have_arrived(portal, wait, time):
    move_at_sleeps(portal, time, *((deal, "PREPARATION") for deal in DEALS))

    ran = wait()

    assert ran.state == "success"
    assert ran.xcoms["return_value"] == dict.fromkeys(DEALS, "PREPARATION")
    assert len(time.slept) == 3
    assert portal.requests.total == 4
    assert portal.fires.total() == 0


def test_rows_of_a_query_are_waited_for(portal, wait, time):
    ran = wait(target=[(57,), {"id": 58}, "DEAL_59"], entity_type="DEAL", expected_stage="NEW")

    assert ran.xcoms["return_value"] == dict.fromkeys(DEALS, "NEW")


def test_with_require_any_one_entity_is_enough(portal, wait, time):
    move_at_sleeps(portal, time, ("DEAL_58", "PREPARATION"))

    ran = wait(require="any")

    assert ran.state == "success"
    assert ran.xcoms["return_value"] == {"DEAL_58": "PREPARATION"}


def test_any_of_several_stages_is_accepted(portal, wait, time):
    move_at_sleeps(portal, time, ("DEAL_57", "PREPARATION"), ("DEAL_58", "EXECUTING"))

    ran = wait(target=DEALS[:2], expected_stage=["PREPARATION", "EXECUTING"])

    assert ran.xcoms["return_value"] == {"DEAL_57": "PREPARATION", "DEAL_58": "EXECUTING"}


def test_all_entities_must_be_there_at_one_check(portal, wait, time):
    move_at_sleeps(
        portal,
        time,
        ("DEAL_57", "PREPARATION"),
        ("DEAL_57", "EXECUTING"),
        ("DEAL_58", "PREPARATION"),
        ("DEAL_57", "PREPARATION"),
    )

    wait(target=DEALS[:2])

    assert len(time.slept) == 4


def test_entities_of_several_types_are_read_in_one_request(portal, wait, time):
    portal.portal.add_item(31, 900, stage="DT31_2:N")
    portal.portal.add_item(7, 900, stage="SENT")
    portal.portal.add_item(1, 900, stage="IN_PROCESS")
    portal.portal.add_item(177, 900, stage="DT177_12:CLIENT")
    move_at_sleeps(portal, time, ("SMART_INVOICE_900", "DT31_2:P"))

    ran = wait(
        target=["SMART_INVOICE_900", "quote_900", "LEAD_900", "DYNAMIC_177_900"],
        expected_stage=["DT31_2:P", "SENT", "IN_PROCESS", "DT177_12:CLIENT"],
    )

    assert ran.state == "success"
    assert ran.xcoms["return_value"] == {
        "SMART_INVOICE_900": "DT31_2:P",
        "QUOTE_900": "SENT",
        "LEAD_900": "IN_PROCESS",
        "DYNAMIC_177_900": "DT177_12:CLIENT",
    }
    assert portal.requests.total == 2


@only("poke")
@pytest.mark.no_cover
def test_a_check_needs_one_request_for_2500_entities(portal, wait):
    for number in range(10_000, 12_501):
        portal.portal.add_deal(id=number)

    ran = wait(target=[f"DEAL_{number}" for number in range(10_000, 12_500)], expected_stage="NEW")
    assert (ran.state, portal.requests.total) == ("success", 1)

    wait(target=[f"DEAL_{number}" for number in range(10_000, 12_501)], expected_stage="NEW")
    assert portal.requests.total == 3


def test_it_does_not_wait_for_an_entity_that_has_arrived(portal, wait, time):
    ran = wait(target="DEAL_60", expected_stage="PREPARATION")

    assert ran.state == "success"
    assert time.slept == []
    assert ran.deferrals == []


def test_an_empty_list_succeeds_at_once(portal, wait, monkeypatch):
    monkeypatch.delenv("AIRFLOW_CONN_BITRIX24_DEFAULT")

    ran = wait(target=[])

    assert ran.state == "success"
    assert list(portal.requests) == []


def test_with_require_any_an_arrived_entity_takes_precedence_over_a_failed_one(portal, wait):
    portal.portal.move("DEAL_57", "PREPARATION")
    portal.portal.move("DEAL_58", "LOSE")

    ran = wait(require="any", fail_on="LOSE", target=[*DEALS, "DEAL_999"])

    assert ran.state == "success"


def test_fields_are_templated(portal, wait, time):
    move_at_sleeps(portal, time, ("DEAL_57", "PREPARATION"))

    ran = wait(
        target=["DEAL_{{ 50 + 7 }}"],
        expected_stage="{{ 'prep' | upper }}ARATION",
        fail_on=["{{ 'LOSE' }}"],
        bitrix24_conn_id="bitrix24_{{ 'default' }}",
    )

    assert ran.state == "success"


def test_the_link_opens_the_first_entity(portal, wait, time):
    move_at_sleeps(portal, time, *((deal, "PREPARATION") for deal in DEALS))

    assert wait().xcoms["_link_EntityLink"] == f"{portal.url}/crm/deal/details/57/"
