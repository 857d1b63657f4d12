"""``or_later``, ``fail_on`` and final stages: what the operator accepts, and where it gives up."""

from __future__ import annotations

from datetime import timedelta

import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator

RETRIES = {"retries": 2, "retry_delay": timedelta(0)}
WAITS = [{"deferrable": False}, {"deferrable": True}]


@pytest.mark.parametrize(
    ("stage", "or_later", "outcome"),
    [
        ("EXECUTING", True, "already"),
        ("WON", True, "already"),
        ("PREPARATION", True, "already"),
        ("EXECUTING", False, "unmoved"),
        ("LOSE", True, "unmoved"),
        ("NEW", True, "moved"),
    ],
)
def test_an_entity_at_a_later_stage_is_not_fired(portal, move, stage, or_later, outcome):
    portal.portal.move("DEAL_57", stage)

    ran = move(target="DEAL_57", expected_stage="PREPARATION", or_later=or_later)

    assert ran.report["results"][0]["outcome"] == outcome
    assert portal.fires["DEAL_57"] == (outcome != "already")


def test_an_entity_that_a_robot_has_moved_on_has_arrived(portal, move):
    portal.portal.add_robot("PREPARATION", move_to="EXECUTING")

    ran = move(target=["DEAL_57", "DEAL_58"], expected_stage="PREPARATION", or_later=True)

    assert ran.state == "success"
    assert (ran.report["moved"], ran.report["elsewhere"]) == (2, 0)
    assert ran.report["results"][0]["stage_after"] == "EXECUTING"


def test_each_pipeline_has_its_own_later_stages(portal, move):
    portal.portal.move("DEAL_57", "EXECUTING")
    portal.portal.add_deal(id=900, stage="C5:FINAL_INVOICE")
    portal.portal.add_deal(id=901, stage="C5:NEW")

    ran = move(
        target=["DEAL_57", "DEAL_900", "DEAL_901"], expected_stage=["PREPARATION", "C5:PREPARATION"], or_later=True
    )

    assert [each["outcome"] for each in ran.report["results"]] == ["already", "already", "moved"]


@pytest.mark.parametrize("how", WAITS)
def test_a_wait_ends_at_a_later_stage(portal, move, time, how):
    portal.portal.add_veto("PREPARATION")
    time.on_sleep = lambda _: portal.portal.move("DEAL_57", "WON")

    ran = move(target="DEAL_57", expected_stage="PREPARATION", or_later=True, wait_timeout=600, **how)

    assert ran.state == "success"
    assert ran.xcoms["report"]["moved"] == 1
    assert len(time.slept) == 1


def test_a_pipeline_whose_stages_could_not_be_read_at_once_is_asked_again(portal, move):
    portal.portal.move("DEAL_57", "EXECUTING")
    portal.faults.script([{"kind": "command_error", "keys": ["c1"], "method": "batch"}])

    ran = move(target="DEAL_57", expected_stage="PREPARATION", or_later=True)

    assert ran.report["already"] == 1


@pytest.mark.parametrize("how", WAITS)
def test_a_wait_gives_up_an_entity_at_a_final_stage_and_continues_for_the_others(portal, move, time, how):
    portal.portal.add_veto("PREPARATION")
    moves = [("DEAL_57", "LOSE"), ("DEAL_58", "PREPARATION")]
    time.on_sleep = lambda _: portal.portal.move(*moves.pop(0)) if moves else None

    ran = move(target=["DEAL_57", "DEAL_58"], expected_stage="PREPARATION", wait_timeout=6000, **how)

    assert ran.state == "failed"
    assert (ran.xcoms["report"]["moved"], ran.xcoms["report"]["elsewhere"]) == (1, 1)
    assert len(time.slept) == 2


@pytest.mark.parametrize("how", WAITS)
def test_a_wait_ends_when_the_last_entity_stands_at_a_final_stage_of_another_pipeline(portal, move, time, how):
    portal.portal.add_veto("C5:PREPARATION")
    portal.portal.add_deal(id=900, stage="C5:NEW")
    time.on_sleep = lambda _: portal.portal.move("DEAL_900", "C5:LOSE")

    ran = move(target="DEAL_900", expected_stage="PREPARATION", wait_timeout=6000, **how)

    assert ran.state == "failed"
    assert len(time.slept) == 2  # the first check shows the pipeline, the second one reads its stages


@pytest.mark.parametrize("how", WAITS)
@pytest.mark.parametrize("on_unmoved", ["ignore", "warn", "skip", "fail"])
def test_a_single_entity_at_a_stage_of_fail_on_fails_the_task_while_it_waits(portal, move, time, how, on_unmoved):
    portal.portal.add_veto("PREPARATION")
    time.on_sleep = lambda _: portal.portal.move("DEAL_57", "EXECUTING")
    arguments = {"expected_stage": "PREPARATION", "fail_on": "EXECUTING", "wait_timeout": 6000, **RETRIES}

    ran = move(target=["DEAL_57", "DEAL_58"], on_unmoved=on_unmoved, **arguments, **how)

    assert ran.state == "failed"
    assert len(time.slept) == 1
    assert "DEAL_57" in str(ran.error)
    assert "EXECUTING" in str(ran.error)
    assert ran.xcoms["report"]["elsewhere"] == 1


def test_a_single_entity_at_a_stage_of_fail_on_fails_the_task_after_the_fire(portal, move, time):
    portal.portal.add_robot("PREPARATION", move_to="LOSE")

    ran = move(target=["DEAL_57", "DEAL_58"], fail_on=["LOSE", "APOLOGY"], **RETRIES)

    assert ran.state == "failed"
    assert ran.xcoms["report"]["moved"] == 2
    assert time.slept == []


def test_a_stage_in_fail_on_is_not_a_later_stage(portal, move):
    portal.portal.move("DEAL_57", "EXECUTING")

    ran = move(target="DEAL_57", expected_stage="PREPARATION", or_later=True, fail_on="EXECUTING")

    assert ran.state == "failed"
    assert ran.xcoms["report"]["already"] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"fail_on": "Lost", "expected_stage": "WON"}, "fail_on 'Lost' is not a stage"),
        ({"fail_on": "Lost"}, "fail_on 'Lost' is not a stage"),
        ({"fail_on": ["WON", "LOSE"], "expected_stage": "WON"}, "'WON' is in expected_stage and in fail_on"),
        ({"fail_on": "{{ '' }}", "expected_stage": "WON"}, "fail_on is ''"),
    ],
)
def test_nothing_is_fired_for_wrong_stages(portal, move, arguments, said):
    ran = move(target="DEAL_57", **arguments, **RETRIES)

    assert ran.state == "failed"
    assert said in str(ran.error)
    assert portal.fires.total() == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"or_later": True}, "or_later is given without expected_stage"),
        ({"or_later": "False", "expected_stage": "WON"}, "or_later is 'False'"),
        ({"verify": False, "fail_on": "LOSE"}, "verify=False reads nothing, so fail_on"),
    ],
)
def test_arguments_that_contradict_each_other_are_refused_when_the_dag_is_parsed(arguments, said):
    with pytest.raises(ConfigurationError, match=said):
        TriggerAutomationOperator(task_id="move", target="DEAL_57", code="c", **arguments)


def test_a_retry_leaves_what_stands_at_a_later_stage(portal, move, run_task):
    if not hasattr(run_task, "state_store"):
        pytest.skip("this Airflow keeps no state of a task")
    portal.portal.add_veto("PREPARATION")
    first = move(target=["DEAL_57", "DEAL_58"], expected_stage="PREPARATION", or_later=True, **RETRIES)
    portal.portal.move("DEAL_57", "EXECUTING")
    portal.portal.move("DEAL_58", "WON")

    second = move(target=["DEAL_57", "DEAL_58"], expected_stage="PREPARATION", or_later=True, **RETRIES)

    assert first.state == "up_for_retry"
    assert second.state == "success"
    assert portal.fires.total() == 2
