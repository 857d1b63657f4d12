"""Hosts whose store fails leave one another their parts, alone and while they return to it."""

from __future__ import annotations

from dataclasses import fields
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitrix24.client.errors import SharedStoreError
from airflow_provider_bitrix24.client.limits.bucket import BucketState, Grant, LeakyBucket
from airflow_provider_bitrix24.client.stores.fallback import RETRY_AFTER, FallbackStore
from airflow_provider_bitrix24.client.stores.pacer import Pacer
from airflow_provider_bitrix24.client.stores.part import AWAY, part_of_present, reunite, suspect
from airflow_provider_bitrix24.client.stores.process import ProcessStore
from tests.support.clock import VirtualClock
from tests.support.outage import CrowdWithOutage

BUCKET = LeakyBucket(50, 2.0)
SEEDS = range(4)


def crowds(hosts, requests, **options):
    made = [CrowdWithOutage(hosts, requests, seed, **options) for seed in SEEDS]
    for crowd in made:
        crowd.run()
    return made


@pytest.mark.parametrize("loses", [False, True])
@pytest.mark.parametrize("lasts", [20.0, 100.0])
@pytest.mark.parametrize("begin", [20.0, 35.0])
@pytest.mark.parametrize(("hosts", "requests"), [(2, 90), (3, 60), (8, 22)])
def test_an_outage_of_the_store_costs_little_time_and_no_refusals(hosts, requests, begin, lasts, loses):
    for crowd in crowds(hosts, requests, begin=begin, lasts=lasts, loses=loses):
        assert crowd.seconds <= 1.15 * crowd.floor
        assert crowd.portal.refused == 0


@pytest.mark.parametrize("loses", [False, True])
def test_an_outage_that_only_some_of_many_hosts_notice_delays_all_for_a_moment_only(loses):
    for crowd in crowds(30, 8, begin=35.0, lasts=5.0, loses=loses):
        assert crowd.seconds <= 2.2 * crowd.floor


@pytest.mark.parametrize(("hosts", "requests", "most"), [(3, 60, 1.2), (8, 22, 1.3)])
def test_a_call_that_the_store_misses_now_and_then_costs_little_time(hosts, requests, most):
    made = crowds(hosts, requests, begin=1e9, missed=0.02)
    assert mean(crowd.seconds / crowd.floor for crowd in made) <= most


def test_a_busy_process_goes_alone_expecting_the_others_to_have_filled_what_leaked():
    takers = {f"host {number}": [1000.0, 10] for number in range(3)}
    clock, store = VirtualClock(), ProcessStore(VirtualClock())
    store.update("portal", lambda _, __: ({"level": 60.0, "at": 1000.0, "takers": takers}, None))
    pacer = Pacer(store=FallbackStore(store, clock=clock), key="portal", bucket=BUCKET)
    assert pacer.acquire(1, 0) == Grant(1, 6.5)
    clock.sleep(6.0)
    store.update = unusable
    # Of the 13 requests in line, three have left: its part of what leaked. Ten are left for four processes.
    assert pacer.acquire(1, 0) == Grant(1, (10 / 4 + 1) / 0.5)


def unusable(key, change):
    raise SharedStoreError("Out of order.")


def test_a_process_alone_never_has_more_room_than_its_part_of_the_bucket():
    takers = {f"host {number}": [1000.0, 10] for number in range(3)}
    clock, store = VirtualClock(), ProcessStore(VirtualClock())
    store.update("portal", lambda _, __: ({"level": 48.0, "at": 1000.0, "takers": takers}, None))
    pacer = Pacer(store=FallbackStore(store, clock=clock), key="portal", bucket=BUCKET)
    pacer.acquire(1, 0)
    store.update = unusable
    clock.sleep(170.0)
    assert pacer.acquire(48, 0) == Grant(12, 0.0)


def kept(**fields):
    return {"level": 48.0, "at": 100.0, "filled": 60.0, "takers": {"own": [95.0, 5], "other": [99.0, 7]}} | fields


def alone(**fields):
    return kept(level=50.0, at=150.0, part=0.5, left=110.0, takers={"own": [150.0, 9], "other": [99.0, 7]}) | fields


def test_the_first_to_return_brings_its_own_bucket_and_leaves_the_others_their_part():
    for theirs in (kept(), kept(level="x"), None, "nonsense"):
        brought = reunite(theirs, alone(), 170.0, "own")
        assert (brought["level"], brought["part"], brought["takers"]["own"]) == (50.0, 0.5, [150.0, 9])
        assert part_of_present(brought, 170.0, "own") == 0.5
        assert part_of_present(brought, 170.0 + AWAY, "own") == 1.0
    third = kept(takers={"third": [98.0, 1], "other": [99.0, 7]})
    assert part_of_present(reunite(third, alone(), 170.0, "own"), 170.0, "own") == pytest.approx(1 / 3)


def test_one_that_returns_to_a_store_in_use_adds_what_it_has_taken():
    theirs = kept(at=160.0)
    assert reunite(theirs, alone(), 170.0, "own") == theirs | {"level": 52.0, "filled": 64.0}


def test_what_the_others_have_paused_for_or_left_to_it_is_not_added():
    for theirs in (kept(at=160.0, refused_at=120.0), kept(at=160.0, away=[110.0, 200.0])):
        assert reunite(theirs, alone(), 170.0, "own") == theirs
    theirs = kept(at=160.0, away=[90.0, 175.0])
    assert reunite(theirs, alone(), 170.0, "own")["level"] == 52.0, "it left after the outage of which that speaks"


@pytest.mark.parametrize("mine", [None, 5, "text", {}, kept(), alone(left="x"), alone(takers={})])
def test_a_value_that_was_not_changed_alone_changes_nothing(mine):
    theirs = kept(at=160.0)
    assert reunite(theirs, mine, 170.0, "own") == theirs


def test_after_a_refusal_processes_that_take_no_more_may_be_pacing_alone():
    takers = {"own": [199.0, 1], "present": [190.0, 1], "absent": [150.0, 1], "ended": [1.0, 1]}
    marked = suspect(kept(level=50.0, at=199.0, takers=takers), BUCKET, 200.0, "own")
    assert part_of_present(marked, 200.0, "own") == pytest.approx(2 / 3)
    for level, last in ((50.0, 190.0), (90.0, 172.0)):
        waiting = kept(level=level, at=199.0, takers={"own": [199.0, 1], "waiting": [last, 1]})
        assert suspect(waiting, BUCKET, 200.0, "own") is waiting
    for value in (None, "text", {}, marked):
        assert suspect(value, BUCKET, 200.0, "own") is value


@pytest.mark.parametrize(
    "away",
    [None, 5, "text", {}, [], [100.0], [100.0, 200.0, 300.0], ["100", 200.0], [100.0, None], [300.0, 350.0],
     [100.0, 149.0], [100.0, 1e300], [True, 200.0], [-1e400, 200.0]],
)  # fmt: skip
def test_absence_without_sense_counts_as_none(away):
    assert part_of_present(kept(away=away), 150.0, "own") == 1.0


def test_however_many_are_said_to_be_away_a_sixteenth_is_left():
    many = {f"host {number}": [99.0, 1] for number in range(1000)}
    assert part_of_present(kept(away=[100.0, 200.0], takers=many), 150.0, "own") == 1 / 16


def test_processes_return_one_after_the_other_and_then_have_the_whole_bucket_again():
    clock = VirtualClock()
    store = ProcessStore(clock)
    update = store.update

    def pacer(name):
        return Pacer(store=FallbackStore(store, clock=clock), key="portal", bucket=BUCKET, taker=lambda: name)

    first, second = pacer("first"), pacer("second")
    second.acquire(24, 0)
    first.acquire(24, 0)
    second.acquire(1, 0)
    store.update = unusable
    assert [each.acquire(1, 0) for each in (second, first)] == [Grant(1, 1.5), Grant(1, 1.0)]
    store.update = update
    clock.sleep(RETRY_AFTER)
    assert [first.acquire(48, 0), first.acquire(48, 0)] == [Grant(24, 0.0), Grant(1, 1.0)], (
        "the other half is not its own"
    )
    assert second.acquire(48, 0) == Grant(1, 1.5), "the whole bucket leaks twice as fast, and has three in line"


NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**400), 10**400) | st.floats(900.0, 1100.0)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=5),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.sampled_from(["own", "other", "x"]), each, max_size=3),
    max_leaves=6,
)
FIELDS = [*(field.name for field in fields(BucketState)), "takers", "part", "away", "left"]


@given(st.dictionaries(st.sampled_from(FIELDS), JSON) | JSON, st.integers(0, 3))
def test_whatever_a_store_holds_a_process_can_use_it_leave_it_and_return_to_it(value, refused):
    clock = VirtualClock()
    store = ProcessStore(clock)
    store.update("portal", lambda _, __: (value, None))
    update = store.update
    pacer = Pacer(store=FallbackStore(store, clock=clock), key="portal", bucket=BUCKET, taker=lambda: "own")
    for working in (True, False, True):
        store.update = update if working else unusable
        clock.sleep(RETRY_AFTER)
        for _ in range(2):
            grant = pacer.acquire(10, refused)
            assert 1 <= grant.count <= 10
            assert 0 <= grant.wait <= 600
