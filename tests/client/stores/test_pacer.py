"""A portal's bucket and the cost of its commands in a store, whatever the store holds."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitrix24.client.limits.bucket import BucketState, Grant, LeakyBucket
from airflow_provider_bitrix24.client.limits.cost import COST_HOLDS, PROBE_PATIENCE, CostState, SharedCost
from airflow_provider_bitrix24.client.stores.pacer import Pacer
from airflow_provider_bitrix24.client.stores.process import ProcessStore
from tests.support.clock import VirtualClock

BUCKET = LeakyBucket(50, 2.0)


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def store(clock):
    return ProcessStore(clock)


def test_pacers_with_the_same_key_share_one_bucket(store):
    first, second = (Pacer(store=store, key="portal", bucket=BUCKET) for _ in range(2))
    other = Pacer(store=store, key="other portal", bucket=BUCKET)
    assert first.acquire(40, 0) == Grant(40, 0.0)
    assert second.acquire(40, 0) == Grant(8, 0.0)
    assert first.acquire(1, 0) == Grant(1, 0.5)
    assert other.acquire(40, 0) == Grant(40, 0.0)


def test_a_pacer_reports_refusals_before_it_takes(store):
    pacer = Pacer(store=store, key="portal", bucket=BUCKET)
    assert pacer.acquire(1, 1) == Grant(1, pytest.approx(4.5 / (2 / 16)))


def test_a_portal_without_limit_is_never_waited_for(store):
    assert Pacer(store=store, key="portal", bucket=None).acquire(1000, 5) == Grant(1000, 0.0)


def test_a_cost_is_shared_beside_the_bucket(store):
    pacer = Pacer(store=store, key="portal", bucket=BUCKET)
    assert pacer.share_cost("c", None) == SharedCost(None, 0.0)
    assert pacer.share_cost("c", None).wait > 0
    assert pacer.share_cost("c", 0.5) == SharedCost(0.5)
    assert Pacer(store=store, key="portal", bucket=None).share_cost("c", None) == SharedCost(0.5)
    assert pacer.share_cost("d", None) == SharedCost(None, 0.0)
    assert pacer.acquire(48, 0) == Grant(48, 0.0)


def test_a_cost_is_measured_again_when_it_is_old_or_never_comes(store, clock):
    pacer = Pacer(store=store, key="portal", bucket=BUCKET)
    pacer.share_cost("c", None)
    clock.sleep(PROBE_PATIENCE + 0.1)
    assert pacer.share_cost("c", None).wait == 0, "the process that measures has not answered in time"
    pacer.share_cost("c", 0.005)
    clock.sleep(COST_HOLDS + 0.1)
    assert pacer.share_cost("c", None) == SharedCost(None, 0.0)


def names(kind, numbers):
    return dict(zip([field.name for field in fields(kind)], numbers, strict=False))


NONSENSE = [
    "text", 5, True, [], [1.0] * 4, {}, {"unknown": 1.0}, {"level": "60"}, {"level": None}, {"level": True, "at": 1.0},
    {"level": 10**400}, {"seconds": "1"}, {"seconds": 1e9, "noted_at": 1000.0}, {"seconds": [1.0], "noted_at": {}},
]  # fmt: skip


@pytest.mark.parametrize("value", NONSENSE)
def test_a_value_without_sense_counts_as_empty(store, value):
    store.update("portal", lambda _, __: (value, None))
    assert Pacer(store=store, key="portal", bucket=BUCKET).acquire(48, 0) == Grant(48, 0.0)
    store.update("portal cost c", lambda _, __: (value, None))
    assert Pacer(store=store, key="portal", bucket=BUCKET).share_cost("c", None) == SharedCost(None, 0.0)


def test_a_state_of_another_version_is_read_as_far_as_it_is_known(store):
    store.update("portal", lambda _, now: ({"level": 40.0, "at": now, "colour": "red"}, None))
    assert Pacer(store=store, key="portal", bucket=BUCKET).acquire(48, 0) == Grant(8, 0.0)


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(NUMBERS, min_size=1, max_size=4), st.integers(0, 3))
def test_whatever_a_store_holds_nobody_waits_for_longer_than_ten_minutes(numbers, refused):
    store = ProcessStore(VirtualClock())
    pacer = Pacer(store=store, key="portal", bucket=BUCKET)
    store.update("portal", lambda _, __: (names(BucketState, numbers), None))
    for _ in range(3):
        grant = pacer.acquire(10, refused)
        assert grant.count >= 1
        assert 0 <= grant.wait <= 600


@given(st.lists(NUMBERS, min_size=1, max_size=3))
def test_whatever_a_store_holds_a_cost_is_known_or_measured(numbers):
    store = ProcessStore(VirtualClock())
    pacer = Pacer(store=store, key="portal", bucket=BUCKET)
    store.update("portal cost x", lambda _, __: (names(CostState, numbers), None))
    shared = pacer.share_cost("x", None)
    assert shared.seconds is None or 0 <= shared.seconds <= 600
    assert 0 <= shared.wait <= PROBE_PATIENCE
