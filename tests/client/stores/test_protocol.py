"""What every store promises: states by key, replaced in one step, on a clock that all sharers agree on."""

from __future__ import annotations

import threading

import pytest

from airflow_provider_bitrix24.client.stores.file import FileStore
from airflow_provider_bitrix24.client.stores.process import ProcessStore
from tests.support.clock import VirtualClock


@pytest.fixture(params=["process", "file"])
def store(request, tmp_path):
    clock = VirtualClock(100.0)
    return ProcessStore(clock) if request.param == "process" else FileStore(tmp_path / "states", clock=clock)


def test_a_state_is_empty_at_first_and_then_what_was_made_of_it(store):
    seen = []

    def change(state):
        seen.append(state)
        return (*state, float(len(state))), "answer"

    assert [store.update("key", change), store.update("key", change), store.update("other", change)] == ["answer"] * 3
    assert seen == [(), (0.0,), ()]
    assert store.now() == 100


def test_a_shorter_state_leaves_nothing_of_a_longer_one(store):
    for state in ((1.0, 2.0, 3.0), (4.0,), ()):
        store.update("key", lambda _, state=state: (state, None))
        assert store.update("key", lambda kept: (kept, kept)) == state


def test_threads_never_see_the_same_state(store):
    seen = []

    def count():
        for _ in range(10):
            store.update("key", lambda state: ((sum(state) + 1,), seen.append(sum(state))))

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(80))


def test_an_error_in_a_change_leaves_the_state_as_it_was(store):
    store.update("key", lambda _: ((1.0,), None))
    with pytest.raises(ZeroDivisionError):
        store.update("key", lambda _: 1 / 0)
    assert store.update("key", lambda kept: (kept, kept)) == (1.0,)
