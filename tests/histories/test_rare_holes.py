"""The holes that only many histories have found, each as a history of its own."""

from __future__ import annotations

import pytest

from tests.histories.boards import DEAL, QUOTE
from tests.histories.by_hand import EXECUTING, FINAL, FIRST_FIRE, PREPARATION, portal, struck, task
from tests.histories.plan import Away, ColleagueMove, EntityPlan, History, RequestFault, RobotPlan, TriggerPlan


def test_a_robot_brings_an_entity_to_its_stage_while_the_next_try_waits_to_fire(violations):
    """Nothing is kept of the first fire, so only a reading right before the second one shows it."""
    plan = task(1, expected_stage="EXECUTING", retries=0, retry_delay=90.0)
    arrives = RobotPlan(type_id=DEAL, stage=PREPARATION, to=EXECUTING, delay=100.0)
    history = History(
        seed=20027051,
        airflow="2.11",
        task=plan,
        portal=portal(1, robots=(arrives,), requests=(RequestFault(number=4, kind="refused"),)),
        stays=(struck("clear", "execute"),),
    )
    assert violations(history) == []


def test_a_colleague_moves_an_entity_between_the_reading_of_the_next_try_and_its_fire(live):
    """Nothing but the reading shows where it stands, and nothing is waited for before the fire."""
    lived = live(
        History(
            seed=1,
            airflow="2.11",
            task=task(1, expected_stage="EXECUTING", retries=0, retry_delay=90.0),
            portal=portal(1, colleagues=(ColleagueMove(at=90.2, entity=0, stage=EXECUTING),)),
            stays=(struck("clear", "execute"),),
        )
    )
    assert lived.verdict.violations == []
    assert lived.verdict.excused == ["arrived_right_before_its_fire"]


def test_nobody_can_look_again_at_what_two_tries_have_seen_unmoved(live):
    """The portal tells no usable time, so the second try waits a minute; then its webhook is refused."""
    trigger = TriggerPlan(type_id=DEAL, stage=PREPARATION, code="go", failing=frozenset({1}))
    requests = (RequestFault(number=4, kind="denied"),)
    lived = live(
        History(
            seed=1,
            task=task(1, expected_stage="PREPARATION", retries=1, retry_delay=90.0),
            portal=portal(1, triggers=(trigger,), requests=requests, odd_time=True),
        )
    )
    assert lived.verdict.violations == []
    assert [each["outcome"] for each in lived.life.stays[-1].report["results"]] == ["unmoved"]


@pytest.mark.parametrize("kind", ["denied", "redirect"])
def test_a_fire_without_an_answer_can_be_looked_after_by_nobody_so_no_retry_follows(live, kind):
    """A robot has moved its entity on from the expected stage, which a retry could not tell from no move."""
    requests = (RequestFault(number=FIRST_FIRE, kind="html_after"), RequestFault(number=2, kind=kind))
    robot = RobotPlan(type_id=DEAL, stage=PREPARATION, to=FINAL)
    lived = live(
        History(
            seed=1,
            airflow="2.11",
            task=task(2, expected_stage="PREPARATION", retries=1, retry_delay=90.0),
            portal=portal(2, robots=(robot,), requests=requests),
        )
    )
    assert lived.verdict.violations == []
    assert (lived.life.state, len(lived.life.stays), lived.verdict.excused) == ("failed", 1, [])


def test_an_outage_until_the_try_gives_up_and_a_retry_that_finds_the_entity_elsewhere(live):
    """The retry follows, since an outage passes: it is worth more where the entity has not moved, or has arrived."""
    outage = tuple(RequestFault(number=each, kind="lost_after") for each in range(1, 12))
    plan = task(1, expected_stage="EXECUTING", retries=1, retry_delay=90.0)
    lived = live(History(seed=1, airflow="2.11", task=plan, portal=portal(1, requests=outage)))
    assert lived.verdict.violations == []
    assert lived.verdict.excused == ["outage_before_looking"]


def test_the_wait_on_the_triggerer_fails_after_a_fire_that_moved_an_entity_elsewhere(live):
    """Airflow resumes the task only to fail it; without a checkpoint a retry would fire the entity again."""
    lived = live(
        History(
            seed=1,
            airflow="2.11",
            task=task(1, expected_stage="EXECUTING", wait_timeout=120.0, deferrable=True),
            portal=portal(1),
            waits=(Away(fate="crash"),),
        )
    )
    assert lived.verdict.violations == []
    [_, resumed] = lived.life.stays
    assert lived.life.state == "failed"
    assert [each["outcome"] for each in resumed.report["results"]] == ["elsewhere"]


def test_the_wait_on_the_triggerer_fails_before_an_entity_has_moved(live):
    """A retry sees where it stands."""
    lived = live(
        History(
            seed=1,
            airflow="2.11",
            task=task(1, expected_stage="PREPARATION", wait_timeout=120.0, deferrable=True, retry_delay=90.0),
            portal=portal(1, lag=4.0),
            waits=(Away(fate="crash"),),
        )
    )
    assert lived.verdict.violations == []
    assert lived.life.state == "success"
    assert len(lived.life.world.portal.record.fires) == 1


def test_quotes_tell_no_time_of_their_move_so_the_portal_may_still_be_working_when_they_are_first_seen(live):
    """Nobody can look a minute later, so what became of the one that has not moved stays unknown."""
    quotes = tuple(EntityPlan(type_id=QUOTE, id=number, stage=FINAL if number == 2 else 0) for number in (1, 2, 3))
    faults = (RequestFault(number=FIRST_FIRE, kind="no_answer"), RequestFault(number=3, kind="denied"))
    lived = live(
        History(
            seed=1,
            task=task(3, lists=(("QUOTE_1", "QUOTE_2", "QUOTE_3"),), expected_stage="PREPARATION", retries=0),
            portal=portal(
                entities=quotes,
                triggers=(TriggerPlan(type_id=QUOTE, stage=PREPARATION, code="go"),),
                requests=faults,
            ),
        )
    )
    assert lived.verdict.violations == []
    outcomes = {each["target"]: each["outcome"] for each in lived.life.stays[0].report["results"]}
    assert outcomes == {"QUOTE_1": "moved", "QUOTE_2": "failed", "QUOTE_3": "moved"}


@pytest.mark.parametrize("at", ["log", "xcom_push report"])
@pytest.mark.parametrize("kind", ["timeout", "exit"])
def test_interrupted_after_updates_that_moved_entities(live, kind, at):
    """The portal has answered, and only the log and the report are left to be written."""
    history = History(
        seed=1,
        airflow="2.11",
        task=task(3, kind="updates", stage=PREPARATION),
        portal=portal(3),
        stays=(struck(kind, at, 5 if at == "log" else 1),),
    )
    lived = live(history)
    assert lived.verdict.violations == []
    [stay] = lived.life.stays
    assert stay.struck == [kind]
    assert {each["outcome"] for each in stay.report["results"]} == {"updated"}


@pytest.mark.parametrize("point", [1, 2, 3])
def test_interrupted_before_updates_have_left(live, point):
    history = History(
        seed=1,
        airflow="2.11",
        task=task(3, kind="updates", stage=PREPARATION),
        portal=portal(3),
        stays=(struck("timeout", "send batch", point),),
    )
    lived = live(history)
    assert lived.verdict.violations == []
    assert lived.life.state == "success"
