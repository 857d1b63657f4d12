"""What becomes of a process whose store cannot be used."""

from __future__ import annotations

import gc
import logging

import pytest

from airflow_provider_bitrix24.client.errors import SharedStoreError
from airflow_provider_bitrix24.client.limits.bucket import Grant, LeakyBucket
from airflow_provider_bitrix24.client.stores import fallback
from airflow_provider_bitrix24.client.stores.fallback import RETRY_AFTER, FallbackStore, with_fallback
from airflow_provider_bitrix24.client.stores.file import FileStore
from airflow_provider_bitrix24.client.stores.pacer import Pacer
from airflow_provider_bitrix24.client.stores.part import AWAY
from airflow_provider_bitrix24.client.stores.process import ProcessStore
from tests.support.clock import VirtualClock

BUCKET = LeakyBucket(50, 2.0)


class Breakable(ProcessStore):
    """A store whose clock is not this machine's, and which can be out of order or emptied."""

    def __init__(self, clock):
        super().__init__(lambda: clock() + 5e8)
        self.broken, self.asked = False, 0

    def __str__(self):
        return "a breakable store"

    def update(self, key, change):
        self.asked += 1
        if self.broken:
            raise SharedStoreError("Out of order.", hint="Mend it.")
        return super().update(key, change)

    def empty(self):
        self._kept.clear()


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def store(clock):
    return Breakable(clock)


@pytest.fixture
def pacer(store, clock):
    return Pacer(store=FallbackStore(store, clock=clock), key="portal", bucket=BUCKET)


def test_a_process_continues_alone_from_what_it_last_saw(store, pacer, clock):
    other = Pacer(store=FallbackStore(store, clock=clock), key="portal", bucket=BUCKET)
    other.acquire(30, 0)
    pacer.acquire(10, 0)
    store.broken = True
    assert pacer.acquire(48, 0) == Grant(8, 0.0)
    clock.sleep(1.0)
    assert pacer.acquire(48, 0) == Grant(2, 0.0)


def test_a_process_that_is_alone_takes_only_its_part_of_what_leaks(store, pacer, clock):
    takers = {f"host {number}": [clock() + 5e8, 10] for number in range(3)}
    store.update("portal", lambda _, now: ({"level": 48.0, "at": now, "takers": takers}, None))
    pacer.acquire(4, 0)
    store.broken = True
    assert [pacer.acquire(1, 0).wait for _ in range(3)] == pytest.approx([2.5, 4.5, 6.5])
    clock.sleep(RETRY_AFTER)
    store.broken = False
    assert pacer.acquire(1, 0).wait == 0.0, "the bucket itself leaks at the portal's rate"
    assert not pacer.store.alone


def test_the_room_in_the_bucket_is_divided_too_and_put_together_when_the_others_are_back(store, pacer, clock):
    takers = {f"host {number}": [clock() + 5e8, 10] for number in range(3)}
    store.update("portal", lambda _, now: ({"level": 0.0, "at": now, "takers": takers}, None))
    pacer.acquire(8, 0)
    store.broken = True
    assert [pacer.acquire(48, 0), pacer.acquire(48, 0)] == [Grant(10, 0.0), Grant(1, 2.0)]
    clock.sleep(RETRY_AFTER)
    store.broken = False
    store.empty()
    assert pacer.acquire(48, 0) == Grant(12, 0.0), "the others still pace alone"
    clock.sleep(AWAY)
    assert pacer.acquire(48, 0) == Grant(48, 0.0)


@pytest.mark.parametrize("part", [0, -1, 2.0, 1e-9, "x", None, True])
def test_a_part_without_sense_counts_as_all(store, pacer, part):
    store.update("portal", lambda _, now: ({"level": 40.0, "at": now, "part": part}, None))
    assert pacer.acquire(48, 0) == Grant(8, 0.0)


def test_a_process_that_never_reached_a_store_of_many_hosts_expects_the_bucket_to_be_full(store, pacer, clock):
    store.broken = True
    assert [pacer.acquire(48, 0), pacer.acquire(48, 0)] == [Grant(1, 0.5), Grant(1, 1.0)]
    clock.sleep(61.0)
    store.broken = False
    assert pacer.acquire(48, 0) == Grant(1, 0.5), "others have not asked the store either"
    clock.sleep(24.5)
    assert pacer.acquire(48, 0) == Grant(48, 0.0)


def test_a_process_that_cannot_use_the_files_of_its_machine_has_a_bucket_of_its_own(tmp_path, clock):
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    pacer = Pacer(store=FallbackStore(FileStore(blocked), clock=clock), key="portal", bucket=BUCKET)
    assert pacer.acquire(48, 0) == Grant(48, 0.0)
    assert pacer.acquire(1, 0) == Grant(1, 0.5)


def test_one_warning_then_another_attempt_each_minute_until_the_store_answers(store, pacer, clock, caplog):
    caplog.set_level(logging.INFO)
    store.broken = True
    for _ in range(10):
        pacer.acquire(1, 0)
    assert store.asked == 1
    for _ in range(3):
        clock.sleep(RETRY_AFTER)
        pacer.acquire(1, 0)
        pacer.acquire(1, 0)
    assert store.asked == 4
    [warned] = caplog.messages
    assert "Out of order. Mend it. This process paces alone and tries again every 60 s." in warned
    store.broken = False
    clock.sleep(RETRY_AFTER)
    for _ in range(3):
        pacer.acquire(1, 0)
    assert store.asked == 7
    assert caplog.messages[1:] == ["The request limit is shared with other processes again, by a breakable store."]


def test_while_one_thread_tries_again_the_others_continue_alone(store, pacer, clock):
    store.broken = True
    pacer.acquire(1, 0)
    clock.sleep(RETRY_AFTER)
    fail, asked = store.update, []

    def slow(key, change):
        asked.append(pacer.acquire(1, 0))
        return fail(key, change)

    store.update = slow
    pacer.acquire(1, 0)
    assert asked == [Grant(1, 0.0)]


def test_a_store_that_was_emptied_is_filled_again_from_what_a_process_remembers(store, pacer, clock):
    pacer.acquire(48, 0)
    store.empty()
    assert pacer.acquire(1, 0) == Grant(1, 0.5)
    other = Pacer(store=FallbackStore(store, clock=clock), key="portal", bucket=BUCKET)
    assert other.acquire(1, 0) == Grant(1, 1.0)


def test_what_is_too_old_to_matter_is_not_remembered(store, clock):
    shared = FallbackStore(store, clock=clock)
    shared.update("key", lambda _, __: ("old", None))
    store.empty()
    clock.sleep(601.0)
    assert shared.update("key", lambda value, _: (value, value)) is None


def test_a_bug_in_a_store_is_not_hidden(store, clock, monkeypatch):
    monkeypatch.setattr(store, "update", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        FallbackStore(store, clock=clock).update("key", lambda value, _: (value, None))


def test_all_clients_of_a_process_warn_and_try_again_together(store):
    first = with_fallback(store)
    assert with_fallback(store) is first
    assert with_fallback(Breakable(VirtualClock())) is not first
    known = len(fallback._KNOWN)
    del first
    gc.collect()
    assert len(fallback._KNOWN) < known
