"""The ledger: which targets are to be fired, and which are settled as what."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.entity_ref import EntityRef
from airflow_provider_bitrix24.client.errors import (
    InvalidRequestError,
    PermissionDeniedError,
)
from airflow_provider_bitrix24.client.firing.in_doubt import ReadingMoment
from airflow_provider_bitrix24.client.flows.readings import StageReadings
from airflow_provider_bitrix24.client.stages import Snapshot
from tests.support.firing import (
    LOST,
    NEW,
    NEXT,
    api_error,
    deal,
    deals,
    fired,
    ledger_of,
    left_to_fire,
    numbers,
    outcomes,
    queued,
    read_in_doubt,
    send,
)

ELSEWHERE = Snapshot("EXECUTING", 0, "2026-01-01T00:02:00+03:00")


# -- before a fire


def test_a_reading_sorts_targets_into_queued_already_missing_refused_and_unreadable():
    refs = [EntityRef(2, 1), EntityRef(2, 2), EntityRef(2, 3), EntityRef(31, 1), EntityRef(177, 1), EntityRef(3, 1)]
    ledger = ledger_of(*refs, expected="PREPARATION")
    reading = StageReadings(
        {refs[0]: NEW, refs[1]: NEXT},
        {31: api_error(PermissionDeniedError), 177: api_error(InvalidRequestError)},
    )
    ledger.record_before(ledger.take_window(6), reading, looked=True)
    assert outcomes(ledger) == [None, "already", "failed", None, "failed", None]
    _, already, missing, _, refused, _ = ledger.targets
    assert already.result().as_dict() == {
        "target": "DEAL_2",
        "outcome": "already",
        "stage_before": "PREPARATION",
        "stage_after": "PREPARATION",
    }
    assert (missing.error.code, missing.error.executed, missing.error.permanent) == ("NOT_FOUND", "no", True)
    assert refused.error.code == "X"
    assert [target.ref for target in ledger.take_for_request(9, read_back=False)] == [refs[0], refs[3], refs[5]]
    assert ledger.settled == 3


def test_without_looking_all_are_fired_and_stay_unverified():
    ledger = queued(EntityRef(2, 1), EntityRef(3, 1), before=None, verify=False)
    [targets] = send(ledger, 2)
    for target in targets:
        ledger.record_accepted(target)
    assert outcomes(ledger) == ["unverified"] * 2
    assert [target.reason for target in targets] == [
        "Verification is off.",
        "Bitrix24 acts on other entities for a contact or company, and orders cannot be read.",
    ]
    forbidden, [target] = fired(1, before=None)
    forbidden.record_accepted(target)
    assert target.reason == "The webhook may not read entities."


def test_a_window_that_could_not_be_read_stays_the_next_one():
    ledger = ledger_of(*deals(1, 2, 3))
    ledger.return_window(ledger.take_window(2))
    assert list(ledger.unread_refs()) == deals(1, 2, 3)


def test_after_a_long_wait_queued_targets_are_read_again_before_those_not_read_yet():
    ledger = ledger_of(*deals(1, 2, 3))
    ledger.record_before(ledger.take_window(2), StageReadings(dict.fromkeys(deals(1, 2), NEW)), looked=True)
    ledger.expire_snapshots()
    assert list(ledger.unread_refs()) == deals(1, 2, 3)
    assert ledger.queued == 0


@pytest.mark.parametrize(
    ("now", "expected", "outcome", "fired_again", "awaited"),
    [
        (NEXT, None, "moved", False, False),
        (Snapshot("NEW", 0, "later"), None, None, False, True),
        (NEW, None, None, True, False),
        (NEXT, "PREPARATION", "moved", False, False),
        (NEXT, "WON", None, False, True),
    ],
)
def test_a_target_that_has_moved_since_a_fire_that_seemed_without_effect_is_not_fired_again(
    now, expected, outcome, fired_again, awaited
):
    ledger, [target] = fired(1, expected=expected)
    ledger.record_in_doubt([target], LOST, sent_at=0.0, now=100.0, over=True)
    read_in_doubt(ledger, {target.ref: NEW}, 100.0)
    ledger.expire_snapshots()
    ledger.record_before(ledger.take_window(1), StageReadings({target.ref: now}), looked=True)
    assert target.outcome == outcome
    assert (ledger.queued == 1) is fired_again
    assert (ledger.accepted == [target.ref]) is awaited


def test_a_target_that_vanished_after_a_fire_is_unknown():
    ledger, [target] = fired(1)
    ledger.record_in_doubt([target], LOST, sent_at=0.0, now=100.0, over=True)
    read_in_doubt(ledger, {target.ref: NEW}, 100.0)
    ledger.expire_snapshots()
    ledger.record_before(ledger.take_window(1), StageReadings(), looked=True)
    assert (target.outcome, target.error.code, target.error.executed) == ("failed", "NOT_FOUND", "unknown")


# -- a fire


def test_targets_that_were_certainly_not_executed_are_next_and_that_fire_does_not_count():
    ledger = queued(*deals(1, 2, 3, 4))
    [targets] = send(ledger, 3)
    assert {target.fires for target in targets} == {1}
    ledger.return_unexecuted(targets)
    assert [target.fires for target in ledger.targets] == [0, 0, 0, 0]
    assert left_to_fire(ledger) == [1, 2, 3, 4]


def test_a_request_holds_what_fits_with_the_commands_that_read_back_but_at_least_one_target():
    refs = [EntityRef(2, 1), EntityRef(31, 1), EntityRef(2, 2), EntityRef(7, 1)]
    assert len(queued(*refs).take_for_request(4, read_back=True)) == 2
    assert len(queued(*refs).take_for_request(5, read_back=True)) == 3
    assert len(queued(*refs).take_for_request(4, read_back=False)) == 4
    assert len(queued(*refs).take_for_request(1, read_back=True)) == 1
    assert len(queued(*refs, before=None).take_for_request(4, read_back=True)) == 4


def test_nothing_counts_as_sent_or_fired_before_it_is():
    ledger = queued(*deals(1))
    assert (ledger.sent, ledger.fired, ledger.resumed) == (False, False, False)
    [[target]] = send(ledger, 1)
    assert (ledger.sent, ledger.fired) == (True, False)
    ledger.record_accepted(target)
    assert (ledger.sent, ledger.fired, ledger.resumed) == (True, True, False)
    refused, [target] = fired(1)
    refused.record_refused(target, api_error(InvalidRequestError))
    assert (refused.fired, target.outcome, target.error.executed) == (False, "failed", "no")


# -- after a fire


def test_arrival_at_an_expected_stage_counts_and_a_move_to_another_is_elsewhere():
    ledger, targets = fired(4, expected="WON")
    for target in targets:
        ledger.record_accepted(target)
    won, executing = Snapshot("WON", 0, "later"), Snapshot("EXECUTING", 0, "later")
    ledger.record_after({deal(1): won, deal(2): executing, deal(3): NEW})
    assert outcomes(ledger) == ["moved", None, None, None]
    assert ledger.accepted == deals(2, 3, 4)
    assert numbers(ledger.close()) == [2, 3]
    assert outcomes(ledger) == ["moved", "elsewhere", "unmoved", "unverified"]
    assert targets[1].result().stage_after == "EXECUTING"
    assert targets[3].reason == "It could not be read back."
    assert ledger.accepted == []


def test_a_move_there_and_back_is_elsewhere_only_where_a_stage_was_expected():
    back = Snapshot(NEW.stage, NEW.category_id, "later")
    for expected, outcome in (("WON", "elsewhere"), (None, "unmoved")):
        ledger, [target] = fired(1, expected=expected)
        ledger.record_accepted(target)
        ledger.record_after({target.ref: back})
        ledger.close()
        assert target.outcome == outcome


def test_a_stage_that_was_read_before_an_acceptance_is_kept_with_it():
    ledger, [target] = fired(1)
    ledger.record_in_doubt([target], LOST, sent_at=0.0, now=100.0, over=True)
    read_in_doubt(ledger, {target.ref: NEW}, 100.0)
    [[again]] = send(ledger, 1)
    ledger.record_accepted(again)
    ledger.close()
    assert (target.outcome, target.result().stage_after) == ("unmoved", "NEW")


def test_the_stage_that_proves_a_lost_fire_is_kept_even_if_nothing_is_read_afterwards():
    ledger, [target] = fired(1, expected="WON")
    ledger.record_in_doubt([target], LOST, sent_at=0.0, now=100.0, over=True)
    [request] = ledger.take_due(100.0)
    ledger.resolve(request, StageReadings(found={target.ref: NEXT}), ReadingMoment(100.0), 60.0)
    ledger.close()
    assert (target.outcome, target.result().stage_after) == ("elsewhere", "PREPARATION")


def test_a_reading_of_targets_that_nobody_waits_for_changes_nothing():
    ledger, [target] = fired(1)
    ledger.record_after({target.ref: NEXT, deal(9): NEXT})
    assert (target.outcome, target.after) == (None, None)


# -- what changed, for the checkpoint


def test_each_change_is_handed_out_once():
    ledger, targets = fired(4)
    ledger.drain_changes()
    ledger.record_accepted(targets[0])
    ledger.record_refused(targets[1], api_error(InvalidRequestError))
    assert numbers(ledger.drain_changes()) == [1, 2]
    assert ledger.drain_changes() == []
    ledger.record_after({deal(1): NEXT})
    ledger.record_in_doubt(targets[2:], LOST, sent_at=0.0, now=0.0, over=True)
    read_in_doubt(ledger, {deal(3): NEXT}, 0.0)
    assert outcomes(ledger) == ["moved", "failed", "moved", "failed"]
    assert set(numbers(ledger.drain_changes())) == {1, 3, 4}
