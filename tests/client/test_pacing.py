"""The request limit is kept in every reading of the portal's documentation, the working time likewise."""

from __future__ import annotations

from math import floor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_bitrix24.client.limits.bucket import (
    COST_HOLDS,
    PROBE_PATIENCE,
    RECOVERY,
    SLOWEST,
    BucketState,
    CostState,
    Grant,
    LeakyBucket,
    OperatingBudget,
    SharedCost,
    share_cost,
)
from airflow_provider_bitrix24.client.protocol.wire import Timing
from airflow_provider_bitrix24.client.settings import PLANS

STANDARD = LeakyBucket(*PLANS["standard"])
ENTERPRISE = LeakyBucket(*PLANS["enterprise"])


class PortalBucket:
    """The portal's own bucket, written down literally: it leaks steadily, or whole seconds' worth at once."""

    def __init__(self, bucket: LeakyBucket, *, steps: bool, counts_refused: bool, phase: float) -> None:
        self.size, self.rate = bucket.size, bucket.rate
        self.steps, self.counts_refused, self.phase = steps, counts_refused, phase
        self.level, self.at, self.refused = 0.0, 0.0, 0

    def take(self, now: float) -> None:
        passed = floor(now + self.phase) - floor(self.at + self.phase) if self.steps else now - self.at
        self.level, self.at = max(0.0, self.level - passed * self.rate), now
        if self.level + 1 > self.size + 1e-6:
            self.refused += 1
            self.level += self.counts_refused
        else:
            self.level += 1


def play(bucket: LeakyBucket, asked: list[tuple[float, int]]) -> list[float]:
    """Ask for tokens after each gap, as several processes would; returns when requests leave."""
    state, now, sent = BucketState(), 0.0, []
    for gap, want in asked:
        now += gap
        state, grant = bucket.acquire(state, now, want)
        assert 1 <= grant.count <= want
        assert grant.wait >= 0
        sent += [now + grant.wait] * grant.count
    return sorted(sent)


@given(
    st.sampled_from([STANDARD, ENTERPRISE, LeakyBucket(50, 0.3), LeakyBucket(12, 7.5), LeakyBucket(10, 2)]),
    st.lists(st.tuples(st.floats(0, 3) | st.sampled_from([0.0, 0.5, 1.0, 30.0]), st.integers(1, 8)), max_size=150),
    st.booleans(),
    st.booleans(),
    st.floats(0, 1),
)
def test_no_request_is_refused_in_any_reading(bucket, asked, steps, counts_refused, phase):
    portal = PortalBucket(bucket, steps=steps, counts_refused=counts_refused, phase=phase)
    for moment in play(bucket, asked):
        portal.take(moment)
    assert portal.refused == 0


@settings(max_examples=15)
@given(st.lists(st.floats(0, 0.19), min_size=200, max_size=200), st.booleans(), st.floats(0, 1))
def test_the_margin_also_covers_requests_that_travel_for_different_times(delays, steps, phase):
    for bucket in (STANDARD, ENTERPRISE):
        portal = PortalBucket(bucket, steps=steps, counts_refused=True, phase=phase)
        sent = play(bucket, [(0.0, 4)] * 200)
        for moment in sorted(moment + delay for moment, delay in zip(sent, delays, strict=False)):
            portal.take(moment)
        assert portal.refused == 0


def test_without_the_margin_the_strictest_reading_would_refuse():
    portal = PortalBucket(LeakyBucket(48, 2.0), steps=True, counts_refused=True, phase=0.0)
    for moment in play(STANDARD, [(0.0, 4)] * 100):
        portal.take(moment)
    assert portal.refused > 0


def test_tokens_not_taken_are_not_lost():
    state, portal = BucketState(), PortalBucket(STANDARD, steps=False, counts_refused=False, phase=0.0)
    for second in range(100):
        state, grant = STANDARD.acquire(state, float(second), 2)
        assert grant == Grant(2, 0.0)
        portal.take(second)
        portal.take(second)
    assert portal.refused == 0


@pytest.mark.parametrize("steps", [False, True])
@pytest.mark.parametrize(("bucket", "seconds"), [(STANDARD, 476.0), (ENTERPRISE, 151.0)])
def test_a_thousand_requests_at_once_take_no_longer_than_the_margin_asks(bucket, seconds, steps):
    sent = play(bucket, [(0.0, 4)] * 1000)[:1000]
    portal = PortalBucket(bucket, steps=steps, counts_refused=True, phase=0.7)
    for moment in sent:
        portal.take(moment)
    assert portal.refused == 0
    assert sent[-1] == pytest.approx(seconds)


def test_a_margin_of_two_tokens_is_never_used_and_a_tiny_bucket_still_lets_one_through():
    assert STANDARD.capacity == 48
    assert ENTERPRISE.capacity == 245
    assert LeakyBucket(3, 2.0).capacity == LeakyBucket(3, 100.0).capacity == 1
    _, grant = STANDARD.acquire(BucketState(), 0.0, 100)
    assert grant == Grant(48, 0.0)


def test_who_comes_later_waits_behind_who_came_before():
    state, _ = STANDARD.acquire(BucketState(), 0.0, 48)
    waits = []
    for _ in range(3):
        state, grant = STANDARD.acquire(state, 0.0, 5)
        waits.append((grant.count, grant.wait))
    assert waits == [(1, 0.5), (1, 1.0), (1, 1.5)]


def test_a_refusal_slows_down_to_a_quarter_at_most_and_fills_the_bucket():
    state = BucketState()
    for _ in range(20):
        state = STANDARD.refused(state, 10.0)
    assert state.pace == SLOWEST
    assert state.level == 48
    _, grant = STANDARD.acquire(state, 10.0, 1)
    assert grant.wait == pytest.approx(1 / (2 * SLOWEST))


def test_a_minute_without_refusal_speeds_up_by_one_step_until_the_plans_rate_is_back():
    state = STANDARD.refused(STANDARD.refused(BucketState(), 0.0), 0.0)
    assert state.pace == pytest.approx(0.64)
    paces = []
    for minute in range(1, 5):
        state, _ = STANDARD.acquire(state, minute * RECOVERY, 1)
        paces.append(round(state.pace, 3))
    assert paces == [0.8, 1.0, 1.0, 1.0]
    early, _ = STANDARD.acquire(STANDARD.refused(BucketState(), 0.0), RECOVERY - 1, 1)
    assert early.pace == pytest.approx(0.8)


def test_a_refusal_never_empties_a_bucket_that_is_fuller_than_full():
    state = BucketState(level=60.0, at=0.0)
    assert STANDARD.refused(state, 0.0).level == 60


def test_a_state_from_the_future_is_taken_as_of_now():
    state = BucketState(level=10.0, at=1e9, pace=0.5, refused_at=1e9)
    changed, grant = STANDARD.acquire(state, 5.0, 1)
    assert (changed.at, changed.level, changed.refused_at) == (5.0, 11.0, 5.0)
    assert grant.wait == 0


def test_working_time_is_waited_for_only_beyond_its_limit():
    budget = OperatingBudget()
    assert budget.wait("m", 0.0) == 0
    budget.note("m", Timing(480.0, 100.0), 10.0)
    assert budget.wait("m", 10.0) == 0
    budget.note("m", Timing(480.5, 100.0), 10.0)
    assert budget.wait("m", 10.0) == 100
    assert budget.wait("m", 60.0) == 50
    assert budget.wait("m", 111.0) == 0
    assert budget.wait("other", 10.0) == 0


def test_a_portal_that_says_nothing_about_working_time_changes_nothing():
    budget = OperatingBudget()
    budget.note("m", Timing(481.0, None), 0.0)
    budget.note("m", Timing(None, 5.0), 0.0)
    assert budget.wait("m", 0.0) == 0
    assert budget.note_refusal("m", 0.0) is None
    assert budget.capacity("m", 0.0, 1.0) is None


def test_a_refusal_tells_when_the_oldest_minute_leaves_and_where_the_limit_lies():
    budget = OperatingBudget()
    budget.note("m", Timing(100.0, 30.0), 50.0)
    assert budget.note_refusal("m", 51.0) == 29
    assert budget.limit == 100
    budget.note("m", Timing(90.0, 30.0), 50.0)
    assert budget.note_refusal("m", 60.0) == 20
    assert budget.limit == 100, "ten seconds later the portal's figure says nothing any more"
    assert budget.note_refusal("m", 90.0) == 0


@pytest.mark.parametrize(
    ("operating", "cost", "capacity"),
    [(0.0, 1.0, 481), (470.0, 1.0, 11), (479.5, 1.0, 1), (500.0, 1.0, 1), (0.0, 0.0, None)],
)
def test_room_is_what_fits_until_the_limit_and_at_least_one(operating, cost, capacity):
    budget = OperatingBudget()
    budget.note("m", Timing(operating, 100.0), 0.0)
    assert budget.capacity("m", 1.0, cost) == capacity
    assert budget.capacity("m", 101.0, cost) is None


def test_the_first_who_asks_for_a_cost_measures_and_others_wait_a_little_for_it():
    state, first = share_cost(CostState(), 100.0, None)
    assert first == SharedCost(None, 0.0)
    state, second = share_cost(state, 100.5, None)
    assert second.seconds is None
    assert second.wait > 0
    state, result = share_cost(state, 101.0, 0.73)
    assert result == SharedCost(0.73)
    assert share_cost(state, 101.0 + COST_HOLDS, None)[1] == SharedCost(0.73)
    assert share_cost(state, 102.0 + COST_HOLDS, None)[1] == SharedCost(None, 0.0)


def test_nobody_waits_for_a_measurement_that_never_comes_or_lies_in_the_future():
    state, _ = share_cost(CostState(), 100.0, None)
    assert share_cost(state, 100.0 + PROBE_PATIENCE, None)[1] == SharedCost(None, 0.0)
    assert share_cost(CostState(probed_at=1e9), 100.0, None)[1] == SharedCost(None, 0.0)
    assert share_cost(CostState(seconds=1.0, noted_at=1e9), 100.0, None)[1] == SharedCost(None, 0.0)
