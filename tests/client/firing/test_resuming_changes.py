"""What changes between two tries on a real portal: robots move on, lists and codes change, hosts have other clocks."""

from __future__ import annotations

import json
import logging

import pytest

from airflow_provider_bitrix24.client.errors import CheckpointError
from airflow_provider_bitrix24.client.firing.parts import RECORD
from airflow_provider_bitrix24.simulator.portal.faults import Fault, FaultKind
from tests.support.firing import MemoryStore
from tests.support.resuming import SETTLE, TARGETS, Killed, assert_moved_once, fire, fires_at

# -- a robot moves on


@pytest.mark.parametrize("lost", [False, True])
def test_a_target_that_a_robot_moves_on_is_elsewhere_and_never_fired_again(portal, deals, lost):
    deals.add_robot("PREPARATION", move_to="FINAL_INVOICE")
    portal.faults.script([None, "cut:after"] if lost else [])
    store = MemoryStore()
    for _ in range(3):
        report = fire(portal, store, TARGETS[:3], expected_stage="PREPARATION")
        assert (report.elsewhere, report.moved, report.unmoved) == (3, 0, 0)
        assert {result.stage_after for result in report.results} == {"FINAL_INVOICE"}
        portal.clock.advance(2 * SETTLE)
    assert {deals.fires[target] for target in TARGETS[:3]} == {1}


def test_a_target_elsewhere_that_comes_to_the_expected_stage_by_itself_is_reported_as_moved(portal, deals):
    store = MemoryStore()
    assert fire(portal, store, ["DEAL_1"], expected_stage="EXECUTING").elsewhere == 1
    deals.move("DEAL_1", "EXECUTING")
    report = fire(portal, store, ["DEAL_1"], expected_stage="EXECUTING")
    assert (report.moved, deals.fires["DEAL_1"]) == (1, 1)


# -- the list changed


def test_a_list_that_changed_between_tries_is_matched_target_by_target(portal, deals, caplog):
    """One fewer in the second try, one more and another order in the third, in which the one comes back."""
    store = MemoryStore()
    with pytest.raises(Killed):
        fire(portal, store, TARGETS[:120], die_after_send=2)
    report = fire(portal, store, TARGETS[1:120])
    assert (report.moved, len(report.results)) == (119, 119)
    with caplog.at_level(logging.INFO):
        report = fire(portal, store, [*reversed(TARGETS[:121])])
    assert (report.moved, len(report.results)) == (121, 121)
    assert [result.target for result in report.results] == [*reversed(TARGETS[:121])]
    assert "119 of 121 are done; firing 1, reading 1 that an earlier try fired before" in caplog.text
    assert_moved_once(portal, TARGETS[:121])


def test_another_list_is_fired_beside_what_is_kept(portal, deals):
    store = MemoryStore()
    fire(portal, store, TARGETS[:50])
    assert fire(portal, store, TARGETS[50:]).moved == 130
    assert fire(portal, store).moved == 180
    assert_moved_once(portal)


def test_another_code_is_said_and_fires_nothing_twice(portal, deals, caplog):
    deals.add_trigger("PREPARATION", code="other")
    store = MemoryStore()
    fire(portal, store, TARGETS[:50])
    with caplog.at_level(logging.INFO):
        assert fire(portal, store, TARGETS[:60], "other").moved == 60
    assert "The code was 'c5u4m' then." in caplog.text
    assert_moved_once(portal, TARGETS[:60])


# -- other stages are expected


def outcomes(report):
    return [(each.outcome, each.stage_after) for each in report.results]


def test_what_stood_at_a_stage_that_is_no_longer_expected_is_fired_and_what_has_moved_is_not(portal, deals, caplog):
    """As where somebody corrects expected_stage and clears the task that has failed."""
    for already in TARGETS[:2]:
        deals.move(already, "PREPARATION")
    store = MemoryStore()
    report = fire(portal, store, TARGETS[:3], expected_stage="PREPARATION")
    assert outcomes(report) == [("already", "PREPARATION")] * 2 + [("moved", "PREPARATION")]
    with caplog.at_level(logging.INFO):
        report = fire(portal, store, TARGETS[:3], expected_stage="EXECUTING")
    assert "expected_stage was PREPARATION then." in caplog.text
    for _ in range(2):
        assert outcomes(report) == [("moved", "EXECUTING")] * 2 + [("elsewhere", "PREPARATION")]
        report = fire(portal, store, TARGETS[:3], expected_stage="EXECUTING")
    assert {deals.fires[target] for target in TARGETS[:3]} == {1}
    assert caplog.text.count(" then.") == 1


def test_a_kill_after_the_change_leaves_what_has_moved_to_be_read_again(portal, deals):
    deals.move("DEAL_1", "PREPARATION")
    store = MemoryStore()
    fire(portal, store, TARGETS[:2], expected_stage="PREPARATION")
    with pytest.raises(Killed):
        fire(portal, store, TARGETS[:2], expected_stage="EXECUTING", die_after_send=3)
    report = fire(portal, store, TARGETS[:2], expected_stage="EXECUTING")
    assert outcomes(report) == [("moved", "EXECUTING"), ("elsewhere", "PREPARATION")]
    assert {deals.fires[target] for target in TARGETS[:2]} == {1}


def test_what_stood_at_an_expected_stage_is_fired_where_any_move_will_do_now(portal, deals):
    deals.move("DEAL_1", "PREPARATION")
    store = MemoryStore()
    fire(portal, store, TARGETS[:2], expected_stage="PREPARATION")
    assert outcomes(fire(portal, store, TARGETS[:2])) == [("moved", "EXECUTING"), ("moved", "PREPARATION")]
    assert {deals.fires[target] for target in TARGETS[:2]} == {1}


def test_what_has_moved_to_a_stage_that_is_expected_only_now_has_moved(portal, deals):
    store = MemoryStore()
    for expected in (None, "EXECUTING", ["PREPARATION", "EXECUTING"]):
        report = fire(portal, store, ["DEAL_1"], expected_stage=expected)
        assert outcomes(report) == [("elsewhere" if expected == "EXECUTING" else "moved", "PREPARATION")]
    assert deals.fires["DEAL_1"] == 1


def test_what_moved_to_a_stage_in_fail_on_is_read_again_since_somebody_may_have_mended_it(portal, deals):
    store = MemoryStore()
    for stage in ("PREPARATION", "FINAL_INVOICE"):
        report = fire(portal, store, TARGETS[:2], fail_on=["PREPARATION"])
        assert outcomes(report) == [("moved", stage), ("moved", "PREPARATION")]
        deals.move("DEAL_1", "FINAL_INVOICE")
    assert {deals.fires[target] for target in TARGETS[:2]} == {1}


def test_a_checkpoint_that_does_not_name_expected_stages_was_written_for_the_same(portal, deals, caplog):
    deals.move("DEAL_1", "PREPARATION")
    store = MemoryStore()
    fire(portal, store, TARGETS[:2], expected_stage="PREPARATION")
    record = json.loads(store[RECORD])
    del record["expected"]
    store[RECORD] = json.dumps(record)
    report = fire(portal, store, TARGETS[:2], expected_stage="EXECUTING")
    assert outcomes(report) == [("already", "PREPARATION"), ("moved", "PREPARATION")]
    assert " then." not in caplog.text


def test_a_try_that_resumes_says_where_its_targets_stand_as_the_first_does(portal, deals):
    """It reads no target before a fire, and with none of them the stages of the pipeline."""
    store = MemoryStore()
    for _ in range(2):
        report = fire(portal, store, TARGETS[:3], "wrong", expected_stage="EXECUTING")
        assert [(each.outcome, each.place) for each in report.results] == [("unmoved", "before")] * 3


# -- clocks


@pytest.mark.parametrize("ahead", [300.0, -300.0, 0.0])
def test_a_next_try_on_a_host_with_another_clock_waits_until_the_portal_has_certainly_finished(portal, deals, ahead):
    """The request came to the portal, which did nothing yet; the next try begins 20 s later."""
    store = MemoryStore()
    portal.faults.script([None, Fault(kind=FaultKind.CUT, when="before")])
    with pytest.raises(Killed):
        fire(portal, store, TARGETS[:24], die_after_send=2)
    portal.clock.advance(20)
    report = fire(portal, store, TARGETS[:24], ahead=ahead)
    assert report.moved == 24
    sent, again = [*portal.requests][1].moment, fires_at(portal)[-1]
    assert SETTLE <= again - sent < SETTLE + 5
    assert_moved_once(portal, TARGETS[:24])


# -- what cannot be read


@pytest.mark.parametrize("damage", ['"text"', '{"form": 3}', '{"form": 2}', '{"form": 1}', "[]"])
def test_a_checkpoint_that_cannot_be_read_ends_the_try_and_nothing_is_sent(portal, deals, damage):
    store = MemoryStore()
    fire(portal, store, TARGETS[:10])
    store[RECORD] = damage
    before = portal.requests.total
    with pytest.raises(CheckpointError) as caught:
        fire(portal, store, TARGETS[:10])
    assert caught.value.permanent
    assert portal.requests.total == before


def test_a_checkpoint_of_another_portal_ends_the_try_and_nothing_is_sent(portal, deals):
    store = MemoryStore()
    fire(portal, store, TARGETS[:10])
    store[RECORD] = json.dumps({**json.loads(store[RECORD]), "host": "other.bitrix24.com"})
    before = portal.requests.total
    with pytest.raises(CheckpointError, match=r"other\.bitrix24\.com"):
        fire(portal, store, TARGETS[:10])
    assert portal.requests.total == before
