"""The sensor and later stages, final stages, and stages that do not exist, in its three modes."""

from __future__ import annotations

import pytest

from tests.support.sensor_runs import move_at_sleeps, only


def test_with_or_later_a_later_stage_is_accepted(portal, wait, time):
    move_at_sleeps(portal, time, ("DEAL_57", "WON"), ("DEAL_58", "EXECUTING"))

    ran = wait(target=["DEAL_57", "DEAL_58"], or_later=True)

    assert ran.state == "success"
    assert ran.xcoms["return_value"] == {"DEAL_57": "WON", "DEAL_58": "EXECUTING"}
    assert len(time.slept) == 2


@pytest.mark.parametrize("stage", ["WON", "LOSE"])
def test_an_entity_at_another_final_stage_fails_the_task_at_once(portal, wait, time, stage):
    move_at_sleeps(portal, time, ("DEAL_58", stage))

    ran = wait(target=["DEAL_57", "DEAL_58"])

    assert ran.state == "failed"
    assert f"DEAL_58 stands at {stage}. That stage is final." in str(ran.error)
    assert len(time.slept) == 1


def test_with_require_any_it_waits_while_one_may_still_arrive(portal, wait, time):
    move_at_sleeps(portal, time, ("DEAL_58", "LOSE"), ("DEAL_57", "PREPARATION"))

    ran = wait(target=["DEAL_57", "DEAL_58"], require="any")

    assert ran.state == "success"
    assert ran.xcoms["return_value"] == {"DEAL_57": "PREPARATION"}


def test_with_require_any_it_fails_when_none_can_arrive(portal, wait, time):
    move_at_sleeps(portal, time, ("DEAL_58", "LOSE"), ("DEAL_57", "WON"))

    ran = wait(target=["DEAL_57", "DEAL_58"], require="any")

    assert ran.state == "failed"
    assert len(time.slept) == 2


@only("poke")
def test_no_stage_of_a_pipeline_costs_a_request_of_its_own(portal, wait, time):
    move_at_sleeps(portal, time, ("DEAL_57", "NEW"), ("DEAL_57", "PREPARATION"))

    wait(target="DEAL_57", or_later=True)

    assert [request.commands for request in portal.requests] == [2, 1, 1]


@pytest.mark.parametrize("arguments", [{"expected_stage": "Prepare documents"}, {"fail_on": "Lost"}])
def test_a_stage_that_does_not_exist_fails_the_task_at_once(portal, wait, time, arguments):
    ran = wait(target="DEAL_57", **arguments)

    assert ran.state == "failed"
    assert "is not a stage of DEAL pipeline 0" in str(ran.error)
    assert time.slept == []


@only("poke")
def test_a_stage_of_another_pipeline_is_warned_of_once(portal, wait, time):
    move_at_sleeps(portal, time, ("DEAL_57", "EXECUTING"), ("DEAL_57", "WON"))

    ran = wait(target="DEAL_57", expected_stage="C5:WON", fail_on="WON")

    assert ran.state == "failed"
    assert ran.said("warning").count("C5:WON is a stage of DEAL pipeline 5, not of DEAL pipeline 0") == 1
