"""The request limit holds in every reading of the portal's documentation."""

from __future__ import annotations

from dataclasses import replace
from math import floor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_bitrix24.client.limits.bucket import SLOWEST, BucketState, Grant, LeakyBucket
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


def sending_times(bucket: LeakyBucket, asked: list[tuple[float, int]]) -> list[float]:
    """Ask for tokens after each gap, as several processes would; returns the times at which requests leave."""
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
    for moment in sending_times(bucket, asked):
        portal.take(moment)
    assert portal.refused == 0


@settings(max_examples=15)
@given(st.lists(st.floats(0, 0.19), min_size=200, max_size=200), st.booleans(), st.floats(0, 1))
def test_the_margin_also_covers_requests_that_arrive_in_another_order(delays, steps, phase):
    for bucket in (STANDARD, ENTERPRISE):
        portal = PortalBucket(bucket, steps=steps, counts_refused=True, phase=phase)
        sent = sending_times(bucket, [(0.0, 4)] * 200)
        for moment in sorted(moment + delay for moment, delay in zip(sent, delays, strict=False)):
            portal.take(moment)
        assert portal.refused == 0


def test_without_the_margin_the_strictest_reading_would_refuse():
    portal = PortalBucket(LeakyBucket(48, 2.0), steps=True, counts_refused=True, phase=0.0)
    for moment in sending_times(STANDARD, [(0.0, 4)] * 100):
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
    sent = sending_times(bucket, [(0.0, 4)] * 1000)[:1000]
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


def test_a_later_caller_waits_longer_than_an_earlier_one():
    state, _ = STANDARD.acquire(BucketState(), 0.0, 48)
    waits = []
    for _ in range(3):
        state, grant = STANDARD.acquire(state, 0.0, 5)
        waits.append((grant.count, grant.wait))
    assert waits == [(1, 0.5), (1, 1.0), (1, 1.5)]


@pytest.mark.parametrize(
    ("level", "pace", "pause"),
    [
        (0.0, 1 / 16, 3.5),
        (1.0, 1 / 16, 3.5),
        (6.0, 1 / 8, 3.5),
        (12.0, 1 / 4, 16 / 6),
        (16.0, 1 / 3, 1.5),
        (19.2, 2 / 5, 3.5),
        (48.0, 1 / 2, 3.5),
    ],
)
def test_after_a_first_refusal_the_pace_is_our_part_of_what_filled_the_bucket(level, pace, pause):
    state = STANDARD.refused(BucketState(level=level), 0.0)
    assert state.pace == pytest.approx(pace)
    assert state.level == pytest.approx(48 + pause)
    _, grant = STANDARD.acquire(state, 0.0, 4)
    assert grant == Grant(1, pytest.approx((pause + 1) / (2 * pace)))


def test_the_more_requests_were_refused_the_longer_is_the_pause_up_to_50_seconds():
    pauses = [STANDARD.refused(BucketState(level=6.0), 0.0, count).level - 48 for count in (1, 2, 4, 8)]
    assert pauses == pytest.approx([3.5, 5.5, 9.5, 11.5])
    _, grant = STANDARD.acquire(STANDARD.refused(BucketState(level=6.0), 0.0, 8), 0.0, 1)
    assert grant.wait == pytest.approx(50.0)
    pauses = [STANDARD.refused(BucketState(level=48.0), 0.0, count).level - 48 for count in (1, 2, 4)]
    assert pauses == pytest.approx([3.5, 4.1, 5.3])


def test_further_refusals_slow_down_step_by_step_to_a_thirty_second_at_most():
    state = STANDARD.refused(BucketState(level=6.0), 0.0)
    assert STANDARD.refused(state, 1.9).pace == state.pace, "these were sent before the pace fell"
    assert STANDARD.refused(state, 2.0).pace == pytest.approx(0.1)
    for number in range(1, 20):
        state = STANDARD.refused(state, 2.0 * number)
    assert state.pace == SLOWEST


def test_one_of_many_processes_that_share_a_bucket_slows_all_of_them_down_by_its_part_only():
    for others, pace in ((1, 2 / 3), (7, 8 / 9)):
        bucket = replace(STANDARD, others=others)
        assert bucket.refused(BucketState(level=48.0), 0.0).pace == pytest.approx(pace)
    assert replace(STANDARD, others=7).refused(BucketState(level=6.0), 0.0).pace == pytest.approx(1 / 8)


def test_requests_that_were_in_line_at_a_refusal_slow_nobody_down_further():
    bucket = replace(STANDARD, others=7)
    state = bucket.refused(BucketState(level=68.0), 0.0)
    assert bucket.refused(state, 11.9).pace == state.pace, "the last of them leaves after ten seconds"
    assert bucket.refused(state, 12.1).pace == pytest.approx(0.8 * state.pace)
    endless = bucket.refused(BucketState(level=1000.0), 0.0)
    assert bucket.refused(endless, 52.1).pace < endless.pace
    assert STANDARD.refused(STANDARD.refused(BucketState(level=68.0), 0.0), 2.1).pace < 0.5


def test_a_process_with_a_part_of_the_bucket_has_that_part_of_its_room_and_of_what_leaks():
    quarter = replace(STANDARD, part=1 / 4)
    state, grant = quarter.acquire(BucketState(at=-600.0), 0.0, 48)
    assert grant == Grant(12, 0.0)
    _, grant = quarter.acquire(state, 1.0, 48, answered=0.5)
    assert grant == Grant(1, pytest.approx(1.0)), "when the portal's bucket was empty is not known"
    refused = quarter.refused(state, 0.0, 3)
    assert (refused.level, refused.pace) == (48.0 + 3, 0.5)


def test_refusals_in_quick_succession_slow_down_as_well():
    state = STANDARD.refused(BucketState(level=48.0), 0.0)
    paces = []
    for number in range(1, 10):
        state = STANDARD.refused(state, 1.0 * number)
        paces.append(round(state.pace, 3))
    assert paces == [0.5, 0.4, 0.4, 0.32, 0.32, 0.256, 0.256, 0.205, 0.205]


def test_requests_that_are_not_refused_speed_up():
    state = STANDARD.refused(BucketState(level=6.0), 0.0)
    paces = []
    for minute in range(1, 10):
        state, _ = STANDARD.acquire(state, 50.0 + minute, 1)
        paces.append(round(state.pace, 3))
    assert paces == [0.125, 0.163, 0.211, 0.275, 0.357, 0.464, 0.603, 0.784, 1.0]
    assert STANDARD.refused(state, 70.0).granted == 0


def test_a_minute_without_requests_speeds_up_by_one_step():
    state = STANDARD.refused(BucketState(level=48.0), 0.0)
    assert STANDARD.acquire(state, 59.9, 1)[0].pace == pytest.approx(0.5)
    assert STANDARD.acquire(state, 60.0, 1)[0].pace == pytest.approx(0.65)


def test_a_refusal_never_empties_a_bucket_that_is_fuller_than_full():
    state = BucketState(level=60.0, at=0.0)
    assert STANDARD.refused(state, 0.0).level == 60 + 3.5


def test_a_state_from_the_future_is_taken_as_of_now():
    state = BucketState(level=10.0, at=1e9, pace=0.5, refused_at=1e9)
    changed, grant = STANDARD.acquire(state, 5.0, 1)
    assert (changed.at, changed.level, changed.refused_at) == (5.0, 11.0, 5.0)
    assert grant.wait == 0


def test_a_kept_state_is_believed_only_as_far_as_it_can_be_true():
    """Anybody may have written it."""
    faster, _ = STANDARD.acquire(BucketState(level=40.0, pace=5.0), 10.0, 1)
    assert (faster.level, faster.pace) == (21.0, 1.0)
    slower, _ = STANDARD.acquire(BucketState(level=20.0, pace=0.5, refused_at=10.0), 14.0, 1)
    assert slower.level == 7.0
    fuller, grant = STANDARD.acquire(BucketState(level=1e9, pace=0.5), 0.0, 1)
    assert fuller.level == 48 + 600 * 2.0 * 0.5 + 1
    assert grant == Grant(1, 600.0)


def test_a_pace_that_rises_ends_at_the_whole_rate():
    state = BucketState(level=10.0, pace=0.9, refused_at=0.0)
    assert STANDARD.acquire(state, 60.0, 1)[0].pace == 1.0


def test_a_state_from_the_future_keeps_the_moment_of_its_last_refusal():
    state = BucketState(level=10.0, at=1e6, pace=0.5, refused_at=40.0)
    assert STANDARD.acquire(state, 100.0, 1)[0].pace == pytest.approx(0.65)


@pytest.mark.parametrize(
    ("level", "before", "part", "divided"),
    [(40.0, 1.0, 1 / 4, 46.0), (60.0, 1.0, 1 / 4, 51.0), (46.0, 1 / 4, 1.0, 40.0), (51.0, 1 / 4, 1 / 2, 54.0),
     (0.0, 1 / 4, 1.0, 0.0), (12.5, 1 / 2, 1 / 2, 12.5)],
)  # fmt: skip
def test_room_and_requests_in_line_are_divided_and_put_together(level, before, part, divided):
    state = BucketState(level=level, at=5.0)
    assert replace(STANDARD, part=part).divided(state, before) == replace(state, level=divided)


@pytest.mark.parametrize(("part", "slowest"), [(1.0, 1 / 32), (1 / 8, 1 / 4), (1 / 64, 1.0)])
def test_a_part_of_the_bucket_is_slowed_down_to_a_thirty_second_of_the_whole(part, slowest):
    bucket = replace(STANDARD, part=part)
    state = bucket.refused(BucketState(level=48.0), 0.0)
    for number in range(1, 30):
        state = bucket.refused(state, 2.0 * number)
    assert bucket.acquire(state, 60.0, 1)[0].pace == pytest.approx(slowest)


def test_each_further_refusal_adds_to_the_pause():
    state = STANDARD.refused(BucketState(level=48.0), 0.0)
    assert STANDARD.refused(state, 0.0, 4).level == pytest.approx(48 + 3.5 + 4 * 0.6)
    assert LeakyBucket(50, 0.01).refused(BucketState(level=48.0), 0.0).level == 48.0, (
        "that leaks slowly enough by itself"
    )


def test_the_line_is_as_long_as_the_pace_makes_it():
    bucket = replace(STANDARD, others=7)
    state = bucket.refused(BucketState(level=58.0, pace=0.5, refused_at=-50.0), 0.0)
    assert bucket.refused(state, 11.9).pace == state.pace
    assert bucket.refused(state, 12.1).pace < state.pace
    nobody = bucket.refused(BucketState(level=40.0), 0.0)
    assert bucket.refused(nobody, 2.1).pace < nobody.pace, "nobody waits in line"
