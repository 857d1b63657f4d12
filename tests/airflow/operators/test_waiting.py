"""The operator's wait in its worker, until its entities have arrived."""

from __future__ import annotations

from datetime import timedelta

import pytest

from airflow_provider_bitrix24.client.report import CONDITIONS

DEALS = ["DEAL_57", "DEAL_58", "DEAL_59"]
RETRIES = {"retries": 2, "retry_delay": timedelta(0)}


def test_it_waits_until_all_entities_have_arrived(portal, move, time):
    portal.portal.add_veto("PREPARATION")  # as if a robot took its time
    time.on_sleep = lambda _: [portal.portal.move(each, "PREPARATION") for each in DEALS if time.now > 1100]

    ran = move(target=DEALS, expected_stage="PREPARATION", wait_timeout=600)

    assert ran.state == "success"
    assert ran.report["moved"] == 3
    assert 30 <= time.slept[0] <= 60
    assert set(time.slept[1:]) <= {60}
    assert "Waiting for 3 deals to arrive" in ran.said("info")
    assert ran.said("info").count("moved NEW -> PREPARATION: DEAL_57") == 1
    assert "unmoved" not in ran.said("warning")


def test_entities_that_have_not_arrived_when_time_is_up_are_unmoved(portal, move, time):
    portal.portal.add_veto("PREPARATION")
    time.on_sleep = lambda _: portal.portal.move("DEAL_57", "PREPARATION")

    ran = move(target=DEALS, expected_stage="PREPARATION", wait_timeout=100, poke_interval=30)

    assert ran.state == "failed"
    assert (ran.xcoms["report"]["moved"], ran.xcoms["report"]["unmoved"]) == (1, 2)
    assert sum(time.slept) == pytest.approx(100)
    assert str(ran.error).startswith(
        "2 of 3 deals are not at PREPARATION after trigger 'c5u4m' and a wait of 100 s, which ran out: "
        "DEAL_58, DEAL_59 stand at NEW; no trigger moved them (unmet conditions)."
    )
    assert str(ran.error).endswith("Before the wait, the fire had moved 0 of 3, and 0 of 3 had arrived.")
    assert ran.said("warning").count("unmoved at NEW: DEAL_58") == 1
    assert ran.said("warning").count(CONDITIONS.clause) == 1


def test_it_does_not_wait_for_entities_that_have_arrived(portal, move, time):
    ran = move(target=["DEAL_57", "DEAL_60"], expected_stage="PREPARATION", wait_timeout=600)

    assert ran.state == "success"
    assert time.slept == []


def test_it_continues_to_wait_if_the_portal_fails_for_a_while(portal, move, time):
    portal.portal.add_veto("PREPARATION")

    def later(_):
        portal.faults.script(["error:500"] * 5)
        portal.portal.move("DEAL_57", "PREPARATION")
        time.on_sleep = lambda _: None

    time.on_sleep = later
    ran = move(target="DEAL_57", expected_stage="PREPARATION", wait_timeout=600)

    assert ran.state == "success"
    assert "This check of the stages failed" in ran.said("warning")


def test_a_permanent_refusal_ends_the_wait(portal, move, time):
    portal.portal.add_veto("PREPARATION")
    time.on_sleep = lambda _: setattr(portal.portal.settings, "is_closed", True)

    ran = move(target="DEAL_57", expected_stage="PREPARATION", wait_timeout=600, **RETRIES)

    assert ran.state == "failed"
    assert len(time.slept) == 1
    assert ran.xcoms["report"]["unmoved"] == 1


def test_it_does_not_wait_for_a_deleted_entity(portal, move, time):
    portal.portal.add_veto("PREPARATION")
    time.on_sleep = lambda _: portal.portal.remove("DEAL_57") if portal.portal.find("DEAL_57") else None

    ran = move(target="DEAL_57", expected_stage="PREPARATION", wait_timeout=600)

    assert ran.state == "failed"
    assert len(time.slept) == 1
    assert "It does not exist" in ran.said("warning")


def test_without_wait_timeout_it_does_not_wait(portal, move, time):
    ran = move(target="DEAL_57", code="wrong", expected_stage="PREPARATION", deferrable=True)

    assert ran.state == "failed"
    assert time.slept == []
