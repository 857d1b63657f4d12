"""What every store promises: JSON values by key, replaced in one step, on a clock that all sharers agree on."""

from __future__ import annotations

import threading

import pytest

from airflow_provider_bitrix24.client.stores.file import FileStore
from airflow_provider_bitrix24.client.stores.process import ProcessStore
from tests.support.clock import VirtualClock


@pytest.fixture
def clock():
    return VirtualClock(100.0)


@pytest.fixture(params=["process", "file"])
def store(request, tmp_path, clock):
    return ProcessStore(clock) if request.param == "process" else FileStore(tmp_path / "states", clock=clock)


def test_a_value_is_none_at_first_and_then_what_was_made_of_it(store):
    seen = []

    def change(value, now):
        seen.append((value, now))
        return [*(value or []), now], "answer"

    assert [store.update("key", change), store.update("key", change), store.update("other", change)] == ["answer"] * 3
    assert seen == [(None, 100.0), ([100.0], 100.0), (None, 100.0)]


@pytest.mark.parametrize(
    "value", [None, True, 5, -0.5, "Ünïcode", "", [], {}, [1, [2, {"a": None}]], {"key": "x" * 9000}]
)
def test_whatever_json_holds_is_kept_and_leaves_nothing_of_what_was_there(store, value):
    for kept in ({"long": "x" * 20_000}, value):
        store.update("key", lambda _, __, kept=kept: (kept, None))
        assert store.update("key", lambda kept, _: (kept, kept)) == kept


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "x" * 40_000])
def test_what_cannot_be_kept_is_refused_and_leaves_the_value_as_it_was(store, value):
    store.update("key", lambda _, __: (1, None))
    with pytest.raises(ValueError, match=r"JSON"):
        store.update("key", lambda _, __: (value, None))
    assert store.update("key", lambda kept, _: (kept, kept)) == 1


def test_time_never_goes_back_and_never_stops_for_long(store, clock):
    def times():
        return store.update("key", lambda kept, now: (kept, now)), store.update("other", lambda kept, now: (kept, now))

    assert times() == (100.0, 100.0)
    clock.now = 99.0
    assert times() == (100.0, 100.0), "a small step back is waited for"
    clock.now = 100.5
    assert times() == (100.5, 100.5)
    clock.now = 40.0
    assert times() == (100.5, 100.5)
    clock.now = 50.0
    assert times() == (110.5, 110.5), "after a large one, time passes as before"


def test_threads_never_see_the_same_value(store):
    seen = []

    def count():
        for _ in range(10):
            store.update("key", lambda value, _: ((value or 0) + 1, seen.append(value or 0)))

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(80))


def test_an_error_in_a_change_leaves_the_value_as_it_was(store):
    store.update("key", lambda _, __: (1, None))
    with pytest.raises(ZeroDivisionError):
        store.update("key", lambda _, __: 1 / 0)
    assert store.update("key", lambda kept, _: (kept, kept)) == 1
