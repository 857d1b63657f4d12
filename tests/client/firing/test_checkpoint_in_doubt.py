"""Requests that an earlier try left without an answer, and how old they are by the portal's clock."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.firing.kept import read_kept
from tests.support.firing import (
    HOST,
    LOST,
    MINUTES,
    NEW,
    NEXT,
    Try,
    deal,
    deals,
    first_try,
    left_to_fire,
    numbers,
    outcomes,
    standing,
)


@pytest.mark.parametrize(("later", "waits"), [(5.0, 58.0), (63.0, 0.0), (10_000.0, 0.0), (-30.0, 60.0)])
def test_requests_in_flight_are_read_first_and_are_over_a_minute_after_their_send(store, later, waits):
    first = first_try(store, 1, 2, 3, 4, portal_ahead=2e9)
    first.now = 10.0
    first.send(2, 1)

    # Another host, whose clock has nothing to do with the first one's.
    second = Try(*deals(1, 2, 3, 4), store=store, now=77.0, portal_ahead=2e9 + 10.0 - 77.0 + later)
    assert second.unread == [4]
    assert [numbers(request.targets) for request in second.ledger.in_doubt] == [[1, 2], [3]]
    assert (second.ledger.next_due, second[1].before) == (77.0, NEW)
    second.read_in_doubt(standing((), 4))
    if waits:
        assert (second.ledger.queued, second.ledger.next_due) == (0, 77.0 + waits)
    else:
        assert sorted(left_to_fire(second.ledger)) == [1, 2, 3]


@pytest.mark.parametrize(("ahead", "known"), [(None, True), (2e9, False)])
def test_where_either_try_does_not_know_the_portals_clock_the_wait_is_full(store, ahead, known):
    first = first_try(store, 1, portal_ahead=ahead)
    first.send(1)
    second = Try(deal(1), store=store, now=77.0, portal_ahead=2e9 + MINUTES)
    second.read_in_doubt(standing((), 1), portal_known=known)
    assert (second.ledger.queued, second.ledger.next_due) == (0, 137.0)


@pytest.mark.parametrize(
    ("takes", "sent_at"),
    [
        ([0.0, 0.0], 0.0),
        ([0.5, 0.5], 0.5),
        ([0.0, 20.0], 40.0),  # the second record allows for another 20 s
        ([5.0, 5.0, 5.9], 15.0),
        ([0.0, 2.0, 7.0, 8.0], 16.0),
    ],
)
def test_a_store_that_is_slow_does_not_make_a_request_look_older_than_it_is(store, takes, sent_at):
    first = first_try(store, 1)
    first.send(1, takes=takes)
    kept = read_kept(store.load, host=HOST, code="c", refs=deals(1))
    assert kept.open == [([0], 2e9 + sent_at)]
    assert kept.last_sent == 2e9 + sent_at
    assert first.now == sum(takes)
    assert first.now <= sent_at + 1.0


def test_where_the_portals_clock_is_unknown_a_slow_store_is_written_to_once(store):
    first = first_try(store, 1, portal_ahead=None)
    first.send(1, takes=[0.0, 20.0])
    assert first.now == 20.0


def test_a_request_that_two_tries_have_left_open_is_as_old_as_its_send(store):
    first = first_try(store, 1, 2)
    first.send(1)
    second = Try(*deals(1, 2), store=store, now=30.0)
    second.read_in_doubt(standing((), 2))
    second.save()
    third = Try(*deals(1, 2), store=store, now=40.0)
    third.read_in_doubt(standing((), 2))
    assert third.ledger.next_due == 63.0


@pytest.mark.parametrize(("ahead", "due"), [(2e9, 163.0), (None, 170.0)])
def test_a_sign_of_life_that_one_try_saw_counts_for_the_next_one(store, ahead, due):
    """10 s later by the portal's clock, which may be 3 s off; unknown counts as none."""
    first = first_try(store, 1, 2, portal_ahead=ahead)
    first.send(2)
    second = Try(*deals(1, 2), store=store, now=100.0, portal_ahead=ahead)
    second.read_in_doubt(standing({1}, 2))
    assert second.ledger.next_due == 160.0
    second.save()
    third = Try(*deals(1, 2), store=store, now=110.0, portal_ahead=ahead)
    third.read_in_doubt(standing({1}, 2))
    assert (third.ledger.queued, third.ledger.next_due) == (0, due)


def test_a_try_that_knew_no_time_of_the_portal_leaves_it_to_the_next_one_if_a_later_one_tells_it(store):
    first = first_try(store, 1, 2, portal_ahead=None)
    first.send(2)
    second = Try(*deals(1, 2), store=store, now=100.0)
    second.read_in_doubt(standing((), 2))
    second.save()
    third = Try(*deals(1, 2), store=store, now=130.0)
    third.read_in_doubt(standing((), 2))
    assert third.ledger.next_due == 163.0


def test_lost_targets_of_two_requests_are_decided_each_by_itself(store):
    first = first_try(store, 1, 2, 3, 4)
    for targets in first.send(2, 2):
        first.lose(targets)
    first.ledger.give_up(LOST)
    first.save()

    second = Try(*deals(1, 2, 3, 4), store=store, now=MINUTES)
    assert outcomes(second.ledger) == [None] * 4
    second.read_in_doubt(standing({3, 4}, 4))
    assert outcomes(second.ledger) == [None, None, "moved", "moved"]
    assert left_to_fire(second.ledger) == [1, 2]


def test_a_target_in_doubt_that_had_vanished_is_looked_at_again(store):
    first = first_try(store, 1)
    [targets] = first.send(1)
    first.lose(targets, over=True)
    first.read_in_doubt({})
    first.end()
    assert outcomes(first.ledger) == ["failed"]

    second = Try(deal(1), store=store, now=5.0)
    assert (second.unread, second.ledger.queued) == ([], 0), "not fired before it is read"
    second.read_in_doubt({deal(1): NEXT})
    assert outcomes(second.ledger) == ["moved"]


def test_a_lost_target_that_nobody_can_read_stays_lost(store):
    first = Try(*deals(1, 2), store=store)
    first.read({}, looked=False)
    [targets] = first.send(1)
    first.lose(targets)
    first.save()
    for _ in range(2):
        later = Try(*deals(1, 2), store=store)
        assert later.unread == [2]
        assert later[1].error.executed == "unknown"
        later.save()


def test_an_open_request_that_nobody_could_read_stays_lost(store):
    first = Try(*deals(1, 2), store=store)
    first.read({}, looked=False)
    first.send(1)
    second = Try(*deals(1, 2), store=store)
    assert (second.unread, second[1].error.executed, second[1].error.code) == ([2], "unknown", "OutcomeUnknown")
