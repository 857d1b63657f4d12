"""A request without an answer: what readings decide about its targets, and when one of them is fired again."""

from __future__ import annotations

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitrix24.client.errors import InvalidRequestError, OutcomeUnknown, ServerError
from airflow_provider_bitrix24.client.firing.ledger import MAX_FIRES, Job, Ledger, Target
from airflow_provider_bitrix24.client.stages import Snapshot
from airflow_provider_bitrix24.client.targets import EntityRef

NEW = Snapshot("NEW", 0, "2026-01-01T00:00:00+03:00")
NEXT = Snapshot("PREPARATION", 0, "2026-01-01T00:01:00+03:00")
LOST = OutcomeUnknown("lost")
SETTLE = 60.0


def api(kind, **more):
    return kind(code="X", description="", method="m", status=400, **more)


def fired(count, *, expected=None, type_id=2):
    """A ledger whose targets 1..count were just sent in one request at second 100."""
    targets = [Target(EntityRef(type_id, number), NEW, None, 1) for number in range(1, count + 1)]
    return Ledger(Job(code="c", expected=expected), deque()), targets


def seen(moved, count):
    return {EntityRef(2, number): NEXT if number in moved else NEW for number in range(1, count + 1)}


def look(ledger, moved, count, at):
    """Read all targets of the only doubt at a moment."""
    [doubt] = ledger.in_doubt
    ledger.in_doubt = []
    found = seen(moved, count)
    ledger.resolve(doubt, found, at, SETTLE)
    ledger.note_after(found)


def outcomes(targets):
    return [target.outcome for target in targets]


def test_those_that_moved_are_done_and_those_before_the_last_of_them_were_executed():
    ledger, targets = fired(5)
    ledger.note_in_doubt(targets, LOST, 100.0, 101.0, over=False)
    look(ledger, {1, 3}, 5, 101.0)
    assert outcomes(targets) == ["moved", None, "moved", None, None]
    assert list(ledger.accepted) == [targets[1].ref]
    assert ledger.close() == [targets[1]]
    assert targets[1].outcome == "unmoved"
    [doubt] = ledger.in_doubt
    assert doubt.targets == targets[3:]
    assert doubt.due == 161.0, "a minute after the last sign of life"
    assert not ledger.queue


def test_the_rest_is_fired_again_only_when_a_reading_a_minute_after_the_send_shows_no_move():
    ledger, targets = fired(3)
    ledger.note_in_doubt(targets, LOST, 100.0, 101.0, over=False)
    for moment in (101.0, 130.0, 159.9):
        look(ledger, set(), 3, moment)
        assert not ledger.queue
        assert ledger.in_doubt[0].due == 160.0
    look(ledger, set(), 3, 160.0)
    assert list(ledger.queue) == targets
    assert not ledger.in_doubt


def test_a_portal_that_goes_on_behind_a_gateway_is_waited_for_as_long_as_it_moves_something():
    ledger, targets = fired(4)
    ledger.note_in_doubt(targets, LOST, 100.0, 160.0, over=False)
    look(ledger, {1, 2}, 4, 160.0)
    assert ledger.in_doubt[0].due == 220.0
    look(ledger, {1, 2, 3}, 4, 220.0)
    assert ledger.in_doubt[0].due == 280.0
    look(ledger, {1, 2, 3}, 4, 280.0)
    assert list(ledger.queue) == targets[3:]


def test_a_request_of_long_ago_is_over_even_if_only_a_part_of_it_ran():
    ledger, targets = fired(2)
    ledger.note_in_doubt(targets, LOST, 100.0, 500.0, over=False)
    look(ledger, {1}, 2, 500.0)
    assert list(ledger.queue) == targets[1:]


def test_nothing_is_waited_for_where_the_portal_has_answered_in_full():
    ledger, targets = fired(2)
    ledger.note_in_doubt(targets, api(ServerError), 100.0, 100.1, over=True)
    look(ledger, set(), 2, 100.1)
    assert list(ledger.queue) == targets
    assert not ledger.in_doubt


def test_a_late_move_within_the_minute_is_found_and_not_fired_again():
    ledger, targets = fired(2)
    ledger.note_in_doubt(targets, LOST, 100.0, 101.0, over=False)
    look(ledger, set(), 2, 101.0)
    look(ledger, {1, 2}, 2, 160.0)
    assert outcomes(targets) == ["moved", "moved"]
    assert not ledger.queue


def test_a_move_back_to_the_same_stage_shows_in_its_time():
    ledger, targets = fired(1)
    ledger.note_in_doubt(targets, LOST, 100.0, 101.0, over=False)
    [doubt] = ledger.in_doubt
    back = Snapshot(NEW.stage, NEW.category_id, "2026-01-01T00:09:00+03:00")
    ledger.resolve(doubt, {targets[0].ref: back}, 200.0, SETTLE)
    assert not ledger.queue
    assert list(ledger.accepted) == [targets[0].ref]


def test_nobody_is_fired_more_than_three_times():
    ledger, targets = fired(1)
    for fire in range(1, MAX_FIRES + 1):
        assert targets[0].fires == fire
        ledger.note_in_doubt(targets, LOST, 100.0, 100.0, over=False)
        look(ledger, set(), 1, 160.0)
        if fire < MAX_FIRES:
            assert ledger.queue.popleft() is targets[0]
            targets[0].fires += 1
    assert not ledger.queue
    assert targets[0].outcome == "failed"
    assert targets[0].error.executed == "unknown"
    assert targets[0].error.code == "OutcomeUnknown"
    assert targets[0].result().stage_before == "NEW"


def test_a_refusal_with_an_unknown_code_fails_the_target_once_it_is_seen_not_to_have_moved():
    ledger, targets = fired(2)
    error = api(InvalidRequestError, executed="unknown")
    for target in targets:
        ledger.note_in_doubt([target], error, 100.0, 100.1, over=True)
    for doubt in list(ledger.in_doubt):
        ledger.in_doubt.remove(doubt)
        ledger.resolve(doubt, seen({2}, 2), 100.1, SETTLE)
    ledger.note_after(seen({2}, 2))
    assert outcomes(targets) == ["failed", "moved"]
    assert targets[0].error.code == "X"


def test_one_that_has_vanished_meanwhile_is_unknown_and_never_fired_again():
    ledger, targets = fired(1)
    ledger.note_in_doubt(targets, LOST, 100.0, 100.0, over=True)
    [doubt] = ledger.in_doubt
    ledger.resolve(doubt, {}, 200.0, SETTLE)
    assert targets[0].outcome == "failed"
    assert targets[0].error.executed == "unknown"
    assert not ledger.queue


def test_where_nobody_can_look_a_lost_fire_stays_unknown():
    ledger, targets = fired(2)
    targets[0].before = None
    ledger.note_in_doubt(targets, LOST, 100.0, 100.0, over=False)
    assert outcomes(targets) == ["failed", None]
    assert targets[0].error.executed == "unknown"
    assert ledger.in_doubt[0].targets == targets[1:]
    assert ledger.fired


@given(st.sets(st.integers(1, 12)), st.sets(st.integers(1, 12)), st.booleans())
def test_whatever_a_reading_shows_no_executed_target_is_fired_again(early, late, over):
    """The portal executes the first n commands, some of which move; ``early`` is seen at once, ``late`` at the end."""
    count = 12
    ledger, targets = fired(count)
    ledger.note_in_doubt(targets, LOST, 100.0, 101.0, over=over)
    moved = early if over else early | late
    look(ledger, early, count, 101.0)
    for moment in (161.0, 221.0):
        if ledger.in_doubt:
            look(ledger, moved, count, moment)
    assert not ledger.in_doubt
    executed = max(moved, default=0)
    again = [target.ref.id for target in ledger.queue]
    assert again == list(range(executed + 1, count + 1)), "everything behind the last that moved, in order"
    ledger.note_after(seen(moved, count))
    ledger.close()
    assert [target.ref.id for target in targets if target.outcome == "moved"] == sorted(moved)
    assert {target.ref.id for target in targets if target.outcome == "unmoved"} == set(range(1, executed + 1)) - moved
