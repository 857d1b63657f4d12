"""Where the time of the portal's leaks is known, the margin is used and each leak is waited for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_bitrix24.client.limits.bucket import BucketState, Grant, LeakyBucket
from airflow_provider_bitrix24.client.settings import PLANS

STANDARD = LeakyBucket(*PLANS["standard"])


def filled(answered=10.0):
    """A bucket that was empty at 10 s, one token later, in the eyes of a caller whose request was answered."""
    state, grant = STANDARD.acquire(BucketState(at=0.0), 10.0, 1)
    assert grant == Grant(1, 0.0)
    return STANDARD.acquire(state, 10.25, 4, answered)[0]


def test_once_a_request_was_answered_the_margin_is_used_and_leaks_are_waited_for():
    state, grant = STANDARD.acquire(filled(), 10.25, 100)
    assert grant == Grant(45, 0.0)
    waits = []
    for _ in range(4):
        state, grant = STANDARD.acquire(state, 10.25, 3)
        waits.append((grant.count, round(grant.wait, 6)))
    assert waits == [(2, 1.1), (2, 2.1), (2, 3.1), (2, 4.1)]


@pytest.mark.parametrize("answered", [None, 9.9])
def test_before_one_was_answered_that_was_sent_since_the_bucket_was_empty_the_margin_is_kept(answered):
    assert STANDARD.acquire(filled(answered), 10.25, 100)[1].count == 43


def test_what_is_known_of_leaks_holds_for_ten_minutes():
    state = STANDARD.acquire(filled(), 10.25, 45)[0]
    for second in range(1, 700):
        state, grant = STANDARD.acquire(state, 10.35 + second, 2)
        assert grant.wait == 0.0 if second < 600 else grant.wait > 0.0
        if grant.wait:
            break
    assert second == 600


@pytest.mark.parametrize(
    "change",
    [
        lambda state: STANDARD.refused(state, 10.25),
        lambda state: state.without_leaks(),
        lambda state: replace(state, filled=0.5),
        lambda state: replace(state, leaks_from=1e9),
        lambda state: replace(state, leaks_from=-1e9),
        lambda state: STANDARD.acquire(state, 13.0, 1)[0],
    ],
)
def test_nothing_is_known_after_a_refusal_a_pause_or_damage(change):
    assert not STANDARD._knows_leaks(change(filled()), 13.0)


def test_nothing_is_known_of_a_bucket_that_nobody_has_used():
    state = BucketState()

    assert (state.level, state.at, state.pace, state.refused_at, state.granted) == (0, 0, 1, 0, 0)
    assert (state.filled_from, state.filled, state.leaks_from) == (0, 0, 0)


def test_a_bucket_of_which_the_leaks_are_not_known_keeps_all_else():
    state = BucketState(
        level=3, at=5, pace=0.5, refused_at=4, granted=2, filled_from=1, filled=7, leaks_from=2
    ).without_leaks()

    assert (state.level, state.at, state.pace, state.refused_at, state.granted) == (3, 5, 0.5, 4, 2)
    assert (state.filled_from, state.filled, state.leaks_from) == (0, 0, 0)


def test_of_an_unknown_bucket_nothing_is_known():
    assert BucketState() == BucketState(0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def test_where_the_leaks_are_known_what_they_leave_is_used_at_once():
    state = BucketState(level=48.0, at=97.0, filled_from=90.0, filled=52.0, leaks_from=95.0)
    assert STANDARD.acquire(state, 97.0, 4)[1] == Grant(2, pytest.approx(0.1))
    assert STANDARD.acquire(replace(state, at=97.1), 97.1, 4)[1] == Grant(2, 0.0)
    assert STANDARD.acquire(replace(state, at=130.0), 130.0, 60)[1] == Grant(50, 0.0)
    assert STANDARD.acquire(replace(state, filled=53.0), 97.0, 4)[1] == Grant(1, pytest.approx(0.1))
    assert STANDARD.acquire(replace(state, filled=48.0, at=95.5), 95.5, 4)[1] == Grant(2, 0.0)
    assert STANDARD.acquire(replace(state, filled=47.0), 97.0, 4)[1] == Grant(1, 0.5), (
        "the figures contradict each other"
    )
    assert STANDARD.acquire(replace(state, at=695.0), 695.0, 4)[1] == Grant(1, 0.5), "clocks have drifted since"


def test_a_bucket_is_known_to_be_empty_two_seconds_after_it_must_be():
    late, _ = STANDARD.acquire(BucketState(at=10.0, filled=7.0, leaks_from=3.0), 12.0, 1)
    assert (late.filled_from, late.filled, late.leaks_from) == (12.0, 1.0, 0.0)
    early, _ = STANDARD.acquire(BucketState(at=10.0, filled=7.0, leaks_from=3.0), 11.9, 1)
    assert (early.filled_from, early.filled, early.leaks_from) == (0.0, 0.0, 0.0)
    known = BucketState(at=10.0, filled_from=9.0, filled=3.0)
    assert STANDARD.acquire(known, 10.0, 1)[0].filled_from == 9.0, "no time has passed"
    just, _ = STANDARD.acquire(replace(known, level=2.0), 11.0, 1)
    assert (just.filled_from, just.filled) == (0.0, 0.0), "it has just run empty"
