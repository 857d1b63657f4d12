"""The operator where it does not look, may not look, or looks again and again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from airflow_provider_bitrix24.client.report import UNMOVED_CAUSES
from airflow_provider_bitrix24.simulator.portal.faults import Fault, FaultKind
from airflow_provider_bitrix24.simulator.portal.model import User

DEALS = ["DEAL_57", "DEAL_58", "DEAL_59"]
RETRIES = {"retries": 2, "retry_delay": timedelta(0)}


# -- without looking


def test_without_verify_one_direct_call_is_made_and_nothing_read(portal, move):
    ran = move(target="DEAL_57", verify=False)

    assert [request.method for request in portal.requests] == ["crm.automation.trigger"]
    assert ran.state == "success"
    (result,) = ran.report["results"]
    assert (result["outcome"], result["stage_before"], result["stage_after"]) == ("unverified", None, None)


def test_what_may_not_be_read_stays_unverified_and_is_one_warning(portal, move, connect):
    portal.portal.settings.subscription = "missing"
    connect(portal.system_webhook_url)

    ran = move(target=DEALS)

    assert ran.state == "success"
    assert ran.report["unverified"] == 3
    (line,) = [line for line in ran.said("warning").splitlines() if "unverified" in line]
    assert line.startswith("DEAL_57 DEAL_58 DEAL_59 unverified")
    assert {portal.portal.stage_of(deal) for deal in DEALS} == {"PREPARATION"}


def test_a_second_connection_reads_what_the_first_may_not(portal, move, connect):
    portal.portal.accounts.add_user(User(2, is_admin=True))
    portal.portal.accounts.add_webhook(2, "readersecret0002")
    connect(f"{portal.url}/rest/2/readersecret0002/", "reader")
    portal.faults.script([Fault(kind=FaultKind.ERROR, status=403, code="ACCESS_DENIED", method="batch")])

    ran = move(target=DEALS, verify_conn_id="{{ 'reader' }}", expected_stage="PREPARATION")

    assert ran.state == "success"
    assert ran.report["moved"] == 3
    fires = [request for request in portal.requests if request.method == "crm.automation.trigger"]
    assert {request.path.split("/")[2] for request in fires} == {"1"}
    reads = [request for request in portal.requests if request.method != "crm.automation.trigger"]
    assert {request.path.split("/")[2] for request in reads[1:]} == {"2"}


def test_a_second_connection_to_another_portal_is_refused(portal, move, connect):
    connect("https://other.bitrix24.com/rest/1/othersecret00001/", "reader")

    ran = move(target=DEALS, verify_conn_id="reader", **RETRIES)

    assert ran.state == "failed"
    assert "other.bitrix24.com" in str(ran.error)
    assert list(portal.requests) == []


def test_contacts_are_fired_and_stay_unverified(portal, move):
    ran = move(target="CONTACT_7")

    assert ran.state == "success"
    assert ran.report["unverified"] == 1


def test_contacts_cannot_have_an_expected_stage(portal, move):
    ran = move(target="CONTACT_7", expected_stage="WON", **RETRIES)

    assert ran.state == "failed"
    assert "expected_stage cannot be checked for CONTACT_7" in str(ran.error)
    assert list(portal.requests) == []


# -- waiting


def test_it_waits_until_all_have_arrived(portal, move, time):
    portal.portal.add_veto("PREPARATION")  # as if a robot took its time
    time.on_sleep = lambda _: [portal.portal.move(each, "PREPARATION") for each in DEALS if time.now > 1100]

    ran = move(target=DEALS, expected_stage="PREPARATION", wait_timeout=600)

    assert ran.state == "success"
    assert ran.report["moved"] == 3
    assert 30 <= time.slept[0] <= 60
    assert set(time.slept[1:]) <= {60}
    assert "Waiting for 3 entities to arrive" in ran.said("info")
    assert ran.said("info").count("DEAL_57 moved: NEW -> PREPARATION") == 1
    assert "unmoved" not in ran.said("warning")


def test_who_has_not_arrived_at_the_end_is_unmoved(portal, move, time):
    portal.portal.add_veto("PREPARATION")
    time.on_sleep = lambda _: portal.portal.move("DEAL_57", "PREPARATION")

    ran = move(target=DEALS, expected_stage="PREPARATION", wait_timeout=100, poke_interval=30)

    assert ran.state == "failed"
    assert (ran.xcoms["report"]["moved"], ran.xcoms["report"]["unmoved"]) == (1, 2)
    assert sum(time.slept) == pytest.approx(100)
    assert ran.said("warning").count("DEAL_58 unmoved: stands at NEW") == 1
    assert ran.said("warning").count(UNMOVED_CAUSES) == 1


def test_nobody_is_waited_for_who_has_arrived_or_failed(portal, move, time):
    ran = move(target=["DEAL_57", "DEAL_60"], expected_stage="PREPARATION", wait_timeout=600)

    assert ran.state == "success"
    assert time.slept == []


def test_waiting_outlasts_a_portal_that_fails_now_and_then(portal, move, time):
    portal.portal.add_veto("PREPARATION")

    def later(_):
        portal.faults.script(["error:500"] * 5)
        portal.portal.move("DEAL_57", "PREPARATION")
        time.on_sleep = lambda _: None

    time.on_sleep = later
    ran = move(target="DEAL_57", expected_stage="PREPARATION", wait_timeout=600)

    assert ran.state == "success"
    assert "Could not look" in ran.said("warning")


def test_waiting_ends_where_looking_is_no_longer_allowed(portal, move, time):
    portal.portal.add_veto("PREPARATION")
    time.on_sleep = lambda _: setattr(portal.portal.settings, "is_closed", True)

    ran = move(target="DEAL_57", expected_stage="PREPARATION", wait_timeout=600, **RETRIES)

    assert ran.state == "failed"
    assert len(time.slept) == 1
    assert ran.xcoms["report"]["unmoved"] == 1


def test_an_entity_that_is_deleted_meanwhile_is_not_waited_for(portal, move, time):
    portal.portal.add_veto("PREPARATION")
    time.on_sleep = lambda _: portal.portal.remove("DEAL_57") if portal.portal.find("DEAL_57") else None

    ran = move(target="DEAL_57", expected_stage="PREPARATION", wait_timeout=600)

    assert ran.state == "failed"
    assert len(time.slept) == 1
    assert "It does not exist" in ran.said("warning")


def test_nothing_waits_without_wait_timeout(portal, move, time):
    ran = move(target="DEAL_57", code="wrong", expected_stage="PREPARATION", deferrable=True)

    assert ran.state == "failed"
    assert time.slept == []
