"""What an earlier try has left, where this one expects other stages: done, still to be done, or to be read again."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.firing.expectation import Expectation
from airflow_provider_bitrix24.client.firing.job import Job
from airflow_provider_bitrix24.client.firing.kept_firing import KeptFiring
from tests.support.firing import HOST, NEW, NEXT, deals

ANY = Expectation(None, or_later=False)
WON = Expectation(frozenset({"WON"}), or_later=False)
WON_OR_LATER = Expectation(frozenset({"WON"}), or_later=True)
STATES = "mapufxve."
"""One target in each state that a try leaves."""


def kept(expected):
    snapshots = dict.fromkeys(range(len(STATES)), NEW)
    return KeptFiring(
        host=HOST,
        code="c",
        lists=[deals(*range(1, len(STATES) + 1))],
        states=STATES,
        snapshots=snapshots,
        after={0: NEXT},
        expected=expected,
    )


@pytest.mark.parametrize("expected", [None, WON])
def test_what_expects_the_same_or_was_kept_without_any_stands(expected):
    assert WON.revise(kept(expected), fail_on=()) == STATES


def test_other_stages_leave_nothing_at_its_place_and_read_again_what_has_moved():
    assert WON.revise(kept(WON_OR_LATER), fail_on=()) == "p.pufxve."


def test_where_any_move_will_do_what_has_moved_has_arrived():
    assert ANY.revise(kept(WON), fail_on=()) == "m.pufxve."


def test_what_was_seen_at_a_stage_that_fails_a_task_is_read_again():
    assert WON.revise(kept(WON), fail_on={"PREPARATION"}) == "papufxve."
    assert WON.revise(kept(WON), fail_on={"LOSE"}) == STATES


@pytest.mark.parametrize("expectation", [ANY, WON, WON_OR_LATER])
def test_a_record_keeps_it(expectation):
    assert Expectation.read(expectation.as_json()) == expectation
    assert Expectation.of(Job(code="c", expected=expectation.stages, or_later=expectation.or_later)) == expectation


@pytest.mark.parametrize(
    "damage", [None, {}, {"stages": "WON", "or_later": False}, {"stages": [1], "or_later": False}, {"stages": None}]
)
def test_what_is_no_expectation_is_not_read(damage):
    with pytest.raises((TypeError, KeyError)):
        Expectation.read(damage)


def test_log_lines_name_it():
    assert (str(ANY), str(WON)) == ("any", "WON")
