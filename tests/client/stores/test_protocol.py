"""What every store promises: JSON values by key, replaced in one step, on a clock that all sharers agree on."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest

from airflow_provider_bitrix24.client.errors import SharedStoreError
from airflow_provider_bitrix24.client.stores.file import FileStore
from airflow_provider_bitrix24.client.stores.process import ProcessStore
from airflow_provider_bitrix24.client.stores.redis import RedisStore
from airflow_provider_bitrix24.client.stores.sql import SqlStore
from tests.support.clock import VirtualClock

KINDS = ["process", "file", "sqlite", "redis", "postgres", "mysql"]
SERVERS = KINDS[2:]


@pytest.fixture
def clock():
    return VirtualClock(100.0)


@pytest.fixture(params=KINDS)
def store(request, tmp_path, clock):
    match request.param:
        case "process":
            yield ProcessStore(clock)
        case "file":
            yield FileStore(tmp_path / "states", clock=clock, patience=60.0)
        case kind:
            with closing(on_a_server(request, kind, tmp_path)) as made:
                yield made


@pytest.fixture
def key(request):
    return request.node.name  # a server is shared by the tests of this file


def on_a_server(request, kind, tmp_path):
    if kind == "sqlite":
        pytest.importorskip("sqlalchemy")
        return SqlStore(f"sqlite:///{tmp_path / 'store.db'}", patience=60.0)
    url = request.getfixturevalue(kind).url
    return RedisStore.from_url(url, patience=60.0) if kind == "redis" else SqlStore(url, patience=60.0)


def test_a_value_is_none_at_first_and_then_what_was_made_of_it(store, key):
    seen = []

    def change(value, _):
        seen.append(value)
        return [*(value or []), len(seen)], "answer"

    assert [store.update(key, change), store.update(key, change), store.update(f"{key} other", change)] == [
        "answer"
    ] * 3
    assert seen == [None, [1], None]


@pytest.mark.parametrize(
    "value", [None, True, 5, -0.5, "Ünïcode", "", [], {}, [1, [2, {"a": None}]], {"key": "x" * 9000}]
)
def test_whatever_json_holds_is_kept_and_leaves_nothing_of_what_was_there(store, key, value):
    for kept in ({"long": "x" * 20_000}, value):
        store.update(key, lambda _, __, kept=kept: (kept, None))
        assert store.update(key, lambda kept, _: (kept, kept)) == kept


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "x" * 40_000])
def test_what_cannot_be_kept_is_refused_and_leaves_the_value_as_it_was(store, key, value):
    store.update(key, lambda _, __: (1, None))
    with pytest.raises(ValueError, match=r"JSON"):
        store.update(key, lambda _, __: (value, None))
    assert store.update(key, lambda kept, _: (kept, kept)) == 1


@pytest.mark.parametrize("store", ["process", "file"], indirect=True)
def test_time_never_goes_back_and_never_stops_for_long(store, key, clock):
    def times():
        return store.update(key, lambda kept, now: (kept, now)), store.update(
            f"{key} other", lambda kept, now: (kept, now)
        )

    assert times() == (100.0, 100.0)
    clock.now = 99.0
    assert times() == (100.0, 100.0), "a small step back is waited for"
    clock.now = 100.5
    assert times() == (100.5, 100.5)
    clock.now = 40.0
    assert times() == (100.5, 100.5)
    clock.now = 50.0
    assert times() == (110.5, 110.5), "after a large one, time passes as before"


def test_threads_never_see_the_same_value(store, key):
    """On a busy machine a thread may wait for its turn for longer than a request does; then it tries again."""
    seen, late = [], []

    def count():
        left = 10
        while left:
            try:
                seen.append(store.update(key, lambda value, _: ((value or 0) + 1, value or 0)))
            except SharedStoreError as error:
                late.append(error)
            else:
                left -= 1

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == len(seen) == 80
    assert max(seen) < 80 + len(late)


def test_an_error_in_a_change_leaves_the_value_as_it_was(store, key):
    store.update(key, lambda _, __: (1, None))
    with pytest.raises(ZeroDivisionError):
        store.update(key, lambda _, __: 1 / 0)
    assert store.update(key, lambda kept, _: (kept, kept)) == 1


@pytest.mark.parametrize("store", SERVERS, indirect=True)
def test_the_time_is_that_of_the_server(store, key):
    first, second = (store.update(key, lambda _, now: (None, now)) for _ in range(2))
    assert 1_700_000_000 < first <= second <= store.clock() + 1.0


@pytest.mark.parametrize("store", SERVERS, indirect=True)
def test_what_is_kept_can_be_listed_for_people(store, key):
    store.update(f"{key} 1", lambda _, __: ({"level": 1.5}, None))
    before = set(store.entries())  # other tests use the same server
    store.update(f"{key} " + "x" * 400, lambda _, __: ("of a long name", None))
    entries = store.entries()
    assert entries[f"{key} 1"] == {"level": 1.5}
    [hidden] = [name for name in entries if name not in before]
    assert hidden.startswith("sha256 ")
    assert entries[hidden] == "of a long name"


def test_keys_that_differ_in_case_blanks_or_length_are_different_keys(store, key):
    keys = [
        key,
        key.upper(),
        f"{key} ",
        f"{key}é",
        f"{key}e",
        "x" * 500,
        "x" * 499,
        f"{key}\n",
        f"{key}\ud800",
        "*",
        "%",
    ]
    for number, each in enumerate(keys):
        store.update(each, lambda _, __, number=number: (number, None))
    assert [store.update(each, lambda kept, _: (kept, kept)) for each in keys] == list(range(len(keys)))
