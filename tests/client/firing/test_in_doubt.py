"""A request without an answer: what readings decide about its targets, and when one of them is fired again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitrix24.client.entity_ref import EntityRef
from airflow_provider_bitrix24.client.errors import InvalidRequestError, PermissionDeniedError, ServerError
from airflow_provider_bitrix24.client.firing.in_doubt import ReadingMoment
from airflow_provider_bitrix24.client.firing.job import MAX_FIRES
from airflow_provider_bitrix24.client.flows.readings import StageReadings
from airflow_provider_bitrix24.client.stages import UNKNOWN_MOMENT, Snapshot
from tests.support.firing import (
    LOST,
    NEW,
    SETTLE,
    api_error,
    deal,
    fired,
    ledger_of,
    left_to_fire,
    numbers,
    outcomes,
    queued,
    read_in_doubt,
    send,
    standing,
)


def lose(ledger, targets, *, sent_at=100.0, now=101.0, over=False, error=LOST):
    ledger.record_in_doubt(targets, error, sent_at=sent_at, now=now, over=over)


# -- which targets a reading proves to be done


def test_only_a_move_is_proof_and_a_command_before_one_that_moved_may_have_been_refused_by_itself():
    ledger, targets = fired(5)
    lose(ledger, targets)
    read_in_doubt(ledger, standing({1, 3}, 5), 101.0)
    assert outcomes(ledger) == ["moved", None, "moved", None, None]
    assert ledger.accepted == []
    [request] = ledger.in_doubt
    assert numbers(request.targets) == [2, 4, 5]
    assert request.due == 161.0, "a minute after the last sign of life"
    read_in_doubt(ledger, standing({1, 3}, 5), 161.0)
    assert left_to_fire(ledger) == [2, 4, 5]


def test_commands_that_a_limit_refused_inside_a_lost_batch_are_fired_again_and_none_is_unmoved():
    """28 of 100 were refused one by one while the operating time was spent, and the rest ran."""
    refused = set(range(40, 68))
    ledger, targets = fired(100)
    executed = set(range(1, 101)) - refused
    lose(ledger, targets)
    for moment in (101.0, 161.0):
        read_in_doubt(ledger, standing(executed, 100), moment)
    assert left_to_fire(ledger) == sorted(refused)
    ledger.close()
    assert "unmoved" not in outcomes(ledger)
    assert outcomes(ledger).count("moved") == 72


def test_a_move_back_to_the_same_stage_shows_in_its_time():
    ledger, [target] = fired(1)
    lose(ledger, [target])
    read_in_doubt(ledger, {target.ref: Snapshot(NEW.stage, NEW.category_id, "2026-01-01T00:09:00+03:00")}, 200.0)
    assert ledger.queued == 0
    assert ledger.accepted == [target.ref]


def test_where_the_time_of_a_move_was_not_kept_only_the_stage_shows_one():
    ledger, [target] = fired(1, before=Snapshot("NEW", 0, UNKNOWN_MOMENT))
    lose(ledger, [target])
    read_in_doubt(ledger, {target.ref: NEW}, 200.0)
    assert left_to_fire(ledger) == [1]


def test_a_target_in_doubt_that_a_robot_took_to_another_stage_than_expected_is_never_fired_again():
    ledger, [target] = fired(1, expected="EXECUTING")
    lose(ledger, [target])
    read_in_doubt(ledger, {target.ref: Snapshot("FINAL_INVOICE", 0, "later")}, 200.0)
    assert (ledger.queued, ledger.in_doubt) == (0, ())
    ledger.close()
    assert target.outcome == "elsewhere"


def test_a_target_that_did_not_move_and_stands_where_it_should_by_now_is_not_fired_again():
    """The expected stage was changed between two tries."""
    ledger = ledger_of(deal(1), expected="NEW")
    ledger.restore_in_doubt(ledger.targets, {deal(1): NEW}, LOST, now=0.0, sent_by_portal=5000.0)
    read_in_doubt(ledger, {deal(1): NEW}, 0.0, portal_now=9000.0)
    assert (ledger.queued, outcomes(ledger)) == (0, ["already"])


# -- when the rest is fired again


def test_the_rest_is_fired_again_only_when_a_reading_a_minute_after_the_send_shows_no_move():
    ledger, targets = fired(3)
    lose(ledger, targets)
    read_in_doubt(ledger, standing((), 3), 101.0)
    for moment in (130.0, 159.9):
        assert ledger.next_due == 160.0
        read_in_doubt(ledger, standing((), 3), moment)
        assert ledger.queued == 0
    read_in_doubt(ledger, standing((), 3), 160.0)
    assert ledger.in_doubt == ()
    assert left_to_fire(ledger) == [1, 2, 3]


def test_a_portal_that_continues_past_a_gateway_is_waited_for_as_long_as_it_moves_something():
    ledger, targets = fired(4)
    lose(ledger, targets, now=160.0)
    read_in_doubt(ledger, standing({1, 2}, 4), 160.0)
    assert ledger.next_due == 220.0
    read_in_doubt(ledger, standing({1, 2, 3}, 4), 219.5)
    assert ledger.next_due == 220.0, "not read before it is due"
    read_in_doubt(ledger, standing({1, 2, 3}, 4), 220.0)
    assert ledger.next_due == 280.0
    read_in_doubt(ledger, standing({1, 2, 3}, 4), 280.0)
    assert left_to_fire(ledger) == [4]


@pytest.mark.parametrize("read_at", [100.0 + 2 * SETTLE, 500.0])
def test_a_request_of_long_ago_is_over_even_if_only_a_part_of_it_ran(read_at):
    ledger, targets = fired(2)
    lose(ledger, targets, now=read_at)
    read_in_doubt(ledger, standing({1}, 2), read_at)
    assert left_to_fire(ledger) == [2]


def test_a_request_that_is_a_moment_short_of_long_ago_may_still_go_on():
    ledger, targets = fired(2)
    read_at = 100.0 + 2 * SETTLE - 0.1
    lose(ledger, targets, now=read_at)
    read_in_doubt(ledger, standing({1}, 2), read_at)
    assert (ledger.queued, ledger.next_due) == (0, read_at + SETTLE)


def test_a_sign_of_life_makes_the_moment_by_the_portals_clock_unknown_to_a_next_try():
    ledger, targets = fired(2)
    ledger.record_in_doubt(targets, LOST, sent_at=100.0, now=101.0, over=False, sent_by_portal=5000.0)
    read_in_doubt(ledger, standing((), 2), 101.0)
    assert [request.sent_by_portal for request in ledger.in_doubt] == [5000.0]
    read_in_doubt(ledger, standing({1}, 2), 160.0)
    assert [request.sent_by_portal for request in ledger.in_doubt] == [None]


def test_nothing_is_waited_for_where_the_portal_has_answered_in_full():
    ledger, targets = fired(2)
    lose(ledger, targets, over=True, error=api_error(ServerError))
    read_in_doubt(ledger, standing((), 2), 101.0)
    assert ledger.in_doubt == ()
    assert left_to_fire(ledger) == [1, 2]


def test_a_late_move_within_the_minute_is_found_and_not_fired_again():
    ledger, targets = fired(2)
    lose(ledger, targets)
    read_in_doubt(ledger, standing((), 2), 101.0)
    read_in_doubt(ledger, standing({1, 2}, 2), 160.0)
    assert outcomes(ledger) == ["moved", "moved"]
    assert ledger.queued == 0


def test_nothing_is_fired_more_than_three_times():
    ledger, [target] = fired(1)
    for fire in (1, 2, 3):
        assert target.fires == fire
        lose(ledger, [target], now=100.0)
        read_in_doubt(ledger, standing((), 1), 160.0)
        if fire < 3:
            send(ledger, 1)
    assert MAX_FIRES == 3
    assert ledger.queued == 0
    assert (target.outcome, target.error.executed, target.error.code) == ("failed", "unknown", "OutcomeUnknown")
    assert target.result().stage_before == "NEW"


# -- what is not fired again


def test_a_refusal_with_an_unknown_code_fails_the_target_once_it_is_seen_not_to_have_moved():
    ledger, targets = fired(2)
    error = api_error(InvalidRequestError, executed="unknown")
    for target in targets:
        lose(ledger, [target], over=True, error=error)
    read_in_doubt(ledger, standing({2}, 2), 101.0)
    assert outcomes(ledger) == ["failed", "moved"]
    assert targets[0].error.code == "X"


def test_a_target_that_has_vanished_meanwhile_is_unknown_and_never_fired_again():
    ledger, [target] = fired(1)
    lose(ledger, [target], over=True)
    read_in_doubt(ledger, {}, 200.0)
    assert (target.outcome, target.error.code, target.error.executed) == ("failed", "NOT_FOUND", "unknown")
    assert ledger.queued == 0
    assert target in ledger.drain_changes(), "a next try has to know it"


def test_where_nobody_can_look_a_lost_fire_stays_unknown():
    unread, read = EntityRef(1, 1), deal(2)
    ledger = ledger_of(unread, read)
    forbidden = {1: api_error(PermissionDeniedError)}
    ledger.record_before(ledger.take_window(2), StageReadings({read: NEW}, forbidden), looked=True)
    [targets] = send(ledger, 2)
    lose(ledger, targets)
    assert outcomes(ledger) == ["failed", None]
    assert targets[0].error.executed == "unknown"
    [request] = ledger.in_doubt
    assert request.targets == targets[1:]
    assert ledger.fired


def test_where_reading_ends_a_lost_fire_stays_unknown():
    ledger, targets = fired(2)
    lose(ledger, targets)
    for request in ledger.take_due(101.0):
        ledger.lose(request)
    assert [target.error.executed for target in targets] == ["unknown", "unknown"]


def test_a_target_in_doubt_whose_type_cannot_be_read_any_more_stays_unknown():
    lead = EntityRef(1, 1)
    ledger = queued(lead, deal(1), deal(2))
    lose(ledger, *send(ledger, 3), over=True)
    [request] = ledger.take_due(101.0)
    forbidden = {1: api_error(PermissionDeniedError), 2: api_error(ServerError)}
    ledger.resolve(request, StageReadings(found={deal(1): NEW}, refused=forbidden), ReadingMoment(101.0), SETTLE)
    assert outcomes(ledger) == ["failed", None, "failed"]
    assert {target.error.code for target in ledger.targets if target.error} == {"OutcomeUnknown"}
    assert left_to_fire(ledger) == [1], "it was read all the same"


def test_a_target_in_doubt_about_which_the_portal_sends_something_odd_stays_unknown():
    ledger, targets = fired(2)
    lose(ledger, targets, over=True)
    [request] = ledger.take_due(101.0)
    ledger.resolve(request, StageReadings(found={deal(1): NEW}, unreadable={deal(2)}), ReadingMoment(101.0), SETTLE)
    assert outcomes(ledger) == [None, "failed"]
    assert [target.error.code for target in ledger.targets if target.error] == ["OutcomeUnknown"]
    assert left_to_fire(ledger) == [1]


def test_targets_that_a_reading_did_not_reach_stay_due():
    ledger, targets = fired(3)
    lose(ledger, targets)
    [read] = ledger.return_unreached(ledger.take_due(101.0), {deal(1), deal(3)})
    assert numbers(read.targets) == [1, 3]
    assert [numbers(request.targets) for request in ledger.in_doubt] == [[2]]
    assert ledger.next_due == 101.0


@pytest.mark.parametrize(("reached", "read"), [((), 0), ((1, 2), 1)])
def test_a_request_that_was_reached_by_none_or_all_of_a_reading_is_not_split(reached, read):
    ledger, targets = fired(2)
    lose(ledger, targets)
    left = ledger.return_unreached(ledger.take_due(101.0), set(map(deal, reached)))
    assert (len(left), len(ledger.in_doubt)) == (read, 1 - read)


@given(st.sets(st.integers(1, 12)), st.sets(st.integers(1, 12)), st.booleans())
def test_whatever_readings_show_a_target_that_moved_is_not_fired_again_and_every_other_one_is(early, late, over):
    """``early`` moves show in the first reading, ``late`` ones in the second."""
    count = 12
    ledger, targets = fired(count)
    lose(ledger, targets, over=over)
    moved = early if over else early | late
    read_in_doubt(ledger, standing(early, count), 101.0)
    for moment in (161.0, 221.0):
        read_in_doubt(ledger, standing(moved, count), moment)
    assert ledger.in_doubt == ()
    ledger.close()
    assert {target.ref.id for target in targets if target.outcome == "moved"} == moved
    assert left_to_fire(ledger) == sorted(set(range(1, count + 1)) - moved)
