"""The holes that were found by hand, each as a history of its own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.histories.boards import DEAL
from tests.histories.by_hand import EXECUTING, FINAL, FIRST_FIRE, PREPARATION, portal, struck, task
from tests.histories.plan import (
    Action,
    CommandFault,
    EntityPlan,
    History,
    RequestFault,
    RobotPlan,
    Stay,
)


@pytest.mark.parametrize("at", ["executed", "xcom_push return_value", "report success"])
def test_killed_after_firing_before_airflow_knows(violations, at):
    history = History(seed=1, task=task(), portal=portal(), stays=(struck("kill", at),))
    assert violations(history) == []


def test_an_error_after_the_firing(violations):
    history = History(seed=1, task=task(), portal=portal(), stays=(Stay(after_execute="post_execute"),))
    assert violations(history) == []


@pytest.mark.parametrize("stay", [Stay(after_execute="post_execute"), struck("kill", "executed")])
def test_a_last_try_that_failed_after_the_firing_and_was_cleared(violations, stay):
    history = History(seed=1, task=task(retries=0), portal=portal(), stays=(stay,), actions=(Action(),))
    assert violations(history) == []


def test_refused_commands_of_a_lost_batch(violations):
    limited = CommandFault(first=2, last=4, kind="operating")
    lost = RequestFault(number=FIRST_FIRE, kind="lost_after")
    history = History(seed=1, airflow="2.11", task=task(8), portal=portal(8, commands=(limited,), requests=(lost,)))
    assert violations(history) == []


def test_entities_that_move_after_the_task_has_looked(violations):
    late = task(on_unmoved="fail", retry_delay=90.0)
    assert violations(History(seed=1, task=late, portal=portal(lag=4.0))) == []


def test_a_robot_moves_on(violations):
    robot = RobotPlan(type_id=DEAL, stage=EXECUTING, to=FINAL)
    history = History(seed=1, task=task(expected_stage="EXECUTING"), portal=portal(stage=EXECUTING, robots=(robot,)))
    assert violations(history) == []


@pytest.mark.parametrize("stage", ["Prepare documents", "preparation"])
def test_an_expected_stage_that_does_not_exist(violations, stage):
    assert violations(History(seed=1, task=task(expected_stage=stage), portal=portal())) == []


def test_an_expected_stage_where_nothing_can_be_read(violations):
    timeout = struck("timeout", "send crm.automation.trigger", 4)
    blind = History(
        seed=1,
        airflow="2.11",
        task=task(expected_stage="PREPARATION"),
        portal=portal(rights="fire_only"),
        stays=(timeout,),
    )
    assert violations(blind) == []


def test_the_list_changed_between_tries(violations):
    plan = task(6)
    changed = replace(plan, lists=(plan.lists[0][:5], plan.lists[0]))
    history = History(seed=1, task=changed, portal=portal(6), stays=(struck("kill", "log", 2),))
    assert violations(history) == []


@pytest.mark.parametrize("kind", ["timeout", "exit", "sigterm"])
def test_interrupted_before_anything_was_fired(violations, kind):
    history = History(seed=1, airflow="2.11", task=task(), portal=portal(), stays=(struck(kind, "sent"),))
    assert violations(history) == []


def test_interrupted_in_the_middle_without_a_report(violations):
    history = History(seed=1, task=task(), portal=portal(), stays=(struck("timeout", "answered", 2),))
    assert violations(history) == []


def test_the_next_host_is_ahead(violations):
    working = RequestFault(number=FIRST_FIRE, kind="midway", share=0.2, delay=50.0)
    history = History(
        seed=1,
        task=task(10),
        portal=portal(10, requests=(working,)),
        hosts=(0.0, 300.0),
        stays=(struck("kill", "sent", 2), Stay(host=1)),
    )
    assert violations(history) == []


@pytest.mark.parametrize("odd", ["category", "huge"])
def test_odd_values_in_a_reading(violations, odd):
    entities = tuple(EntityPlan(type_id=DEAL, id=1 + each, odd=odd if each == 1 else None) for each in range(3))
    history = History(seed=1, task=task(3), portal=portal(entities=entities))
    assert violations(history) == []


def test_a_robot_moves_there_and_back(violations):
    robot = RobotPlan(type_id=DEAL, stage=PREPARATION, to=0)
    history = History(seed=1, task=task(on_unmoved="fail"), portal=portal(robots=(robot,)))
    assert violations(history) == []


@pytest.mark.parametrize("rights", ["no_read", "fire_only"])
def test_the_second_connection_reads_in_the_next_try(violations, rights):
    history = History(
        seed=1,
        task=task(expected_stage="PREPARATION", second=True),
        portal=portal(rights=rights),
        stays=(struck("kill", "answered", 3),),
    )
    assert violations(history) == []


def test_an_empty_list_after_a_try_that_fired_and_a_clear_of_its_success(violations):
    entities = (EntityPlan(type_id=DEAL, id=1), EntityPlan(type_id=DEAL, id=2, stage=EXECUTING))
    lists = (("DEAL_1", "DEAL_2"), (), ("DEAL_1", "DEAL_2"))
    history = History(
        seed=1,
        task=task(2, lists=lists, on_unmoved="fail"),
        portal=portal(2, backwards=False, entities=entities),
        actions=(Action(),),
    )
    assert violations(history) == []


def test_a_clear_of_a_success_after_the_retries_in_the_dag_file_were_lowered(violations):
    """``max_tries`` is then what it was before the Clear."""
    history = History(seed=1, task=task(retries=1), portal=portal(), actions=(Action(retries=0),))
    assert violations(history) == []


def test_cleared_while_its_success_is_reported(violations):
    history = History(seed=1, task=task(), portal=portal(), stays=(struck("clear", "report success"),))
    assert violations(history) == []


def test_killed_between_the_clear_of_a_success_and_the_new_fire(violations):
    stays = (Stay(), struck("kill", "store.get"), struck("kill", "execute"), Stay(after_execute="post_execute"))
    history = History(seed=1, task=task(1), portal=portal(1), stays=stays, actions=(Action(), Action()))
    assert violations(history) == []


def test_moved_by_a_command_that_failed_in_the_same_answer(violations):
    history = History(
        seed=1,
        airflow="2.11",
        task=task(4, expected_stage="PREPARATION"),
        portal=portal(
            4,
            robots=(RobotPlan(type_id=DEAL, stage=PREPARATION, to=EXECUTING),),
            commands=(
                CommandFault(first=0, last=1, kind="core_after"),
                CommandFault(first=2, last=3, kind="operating"),
            ),
            requests=(RequestFault(number=2, kind="denied"),),
        ),
    )
    assert violations(history) == []


def test_the_list_grew_before_each_of_two_clears(violations):
    plan = task(4)
    grown = replace(plan, lists=(plan.lists[0][:2], plan.lists[0]), retries=0)
    stays = (struck("kill", "executed"), struck("kill", "sent", 2), Stay())
    history = History(seed=1, task=grown, portal=portal(4), stays=stays, actions=(Action(), Action()))
    assert violations(history) == []


def test_interrupted_when_what_was_refused_goes_again(violations):
    refused = tuple(RequestFault(number=each, kind="refused") for each in range(3))
    history = History(
        seed=1,
        task=task(1, verify=False, durable=False, retries=0),
        portal=portal(1, requests=refused),
        stays=(struck("clear", "awake", 2),),
    )
    assert violations(history) == []


@pytest.mark.parametrize("at", ["xcom_pushed", "log", "store.set", "stored"])
def test_struck_before_the_report_of_a_finished_firing_was_returned_and_cleared_again(violations, at):
    """Nobody was told that another Clear fires anew."""
    stays = (struck("kill", "stored bitrix24_firing_done"), struck("timeout", at))
    late = task(retries=0, on_unmoved="ignore")
    history = History(seed=1, task=late, portal=portal(lag=4.0), stays=stays, actions=(Action(), Action()))
    assert violations(history) == []


def _outage(first: int, last: int) -> tuple[RequestFault, ...]:
    return tuple(RequestFault(number=each, kind="lost_after") for each in range(first, last + 1))


def test_a_reading_shows_a_move_of_long_ago_and_then_the_portal_fails(violations):
    """A try after an interrupted one: the rest was refused, and the portal has certainly finished with it."""
    limited = CommandFault(first=0, last=0, kind="operating")
    history = History(
        seed=1,
        task=task(41, expected_stage="PREPARATION", retries=1, retry_delay=90.0),
        portal=portal(41, commands=(limited,), requests=_outage(3, 20)),
        stays=(struck("exit", "sent", 2),),
    )
    assert violations(history) == []


def test_an_outage_before_the_reading_that_tells_what_became_of_a_lost_request(violations):
    """The reading is as old as the request that was answered, not as the first one that was not."""
    lost = (RequestFault(number=FIRST_FIRE, kind="lost_before"), *_outage(3, 7), *_outage(9, 30))
    assert violations(History(seed=1, task=task(retries=0), portal=portal(requests=lost))) == []


@pytest.mark.parametrize("kind", ["denied", "redirect"])
def test_firing_stops_for_good_and_what_was_lost_before_can_still_be_read(live, kind):
    requests = (RequestFault(number=FIRST_FIRE, kind="lost_before"), RequestFault(number=3, kind=kind))
    lived = live(History(seed=1, task=task(41, retries=0), portal=portal(41, requests=requests)))
    assert lived.verdict.violations == []
    results = lived.life.stays[0].report["results"]
    assert {(each["error"] or {}).get("executed") for each in results if each["outcome"] == "failed"} == {"no"}


def test_the_firing_webhook_may_not_read_and_the_second_one_tells_the_time_of_the_portal(live):
    """The next try knows the age of what was lost, and waits no full minute for it."""
    history = History(
        seed=1,
        task=task(1, expected_stage="PREPARATION", second=True, retries=1, retry_delay=90.0),
        portal=portal(1, rights="fire_only", requests=(RequestFault(number=2, kind="lost_before"),)),
        stays=(struck("kill", "answered", 3),),
    )
    lived = live(history)
    assert lived.verdict.violations == []
    assert lived.life.world.timeline.now < 100.0
