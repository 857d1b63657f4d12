"""What a Redis server may do to the store that is kept in it."""

from __future__ import annotations

import json
import logging
import sys
from contextlib import closing

import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError, SharedStoreError
from airflow_provider_bitrix24.client.limits.bucket import Grant, LeakyBucket
from airflow_provider_bitrix24.client.stores.fallback import RETRY_AFTER, FallbackStore
from airflow_provider_bitrix24.client.stores.pacer import Pacer
from airflow_provider_bitrix24.client.stores.redis import PREFIX, RedisStore
from tests.support.clock import VirtualClock
from tests.support.fault_proxy import FaultProxy

BUCKET = LeakyBucket(50, 2.0)


def count(value, _):
    return (value or 0) + 1, value


@pytest.fixture
def key(request):
    return request.node.name


@pytest.fixture
def proxy(redis):
    with FaultProxy(redis.port) as made:
        yield made


@pytest.fixture
def store(proxy):
    with closing(RedisStore(host="127.0.0.1", port=proxy.port, patience=60.0)) as made:
        yield made


@pytest.fixture
def server(redis):
    """The server, asked past the store."""
    import redis as library

    with closing(library.Redis(port=redis.port)) as made:
        yield made


def test_a_slow_server_is_used_as_long_as_it_answers_in_time(proxy, store, key):
    store.update(key, count)
    proxy.delay = 0.005
    assert store.update(key, count) == 1


def test_a_silent_server_is_given_up(proxy, key):
    with closing(RedisStore(host="127.0.0.1", port=proxy.port, patience=0.05)) as store:
        proxy.mode = "silent"
        with pytest.raises(SharedStoreError, match=rf"Redis at 127\.0\.0\.1:{proxy.port}, database 0 cannot be used: "):
            store.update(key, count)


def test_what_was_given_up_does_not_change_anything_later(proxy, store, key, monkeypatch):
    store.update(key, lambda _, __: ("kept", None))
    monkeypatch.setattr(store, "_patience", 0.0)
    proxy.delay = 0.005
    with pytest.raises(SharedStoreError, match="no answer within 0 s"):
        store.update(key, lambda _, __: ("too late", None))
    monkeypatch.setattr(store, "_patience", 60.0)
    assert store.update(key, lambda kept, _: (kept, kept)) == "kept"


def test_a_connection_that_is_cut_costs_one_error(proxy, store, key):
    store.update(key, count)
    proxy.mode = "cut"
    with pytest.raises(SharedStoreError):
        store.update(key, count)
    proxy.mode = "pass"
    assert store.update(key, count) == 1


def test_a_server_that_was_restarted_is_used_at_once(redis, store, key):
    store.update(key, count)
    redis.kill()
    with pytest.raises(SharedStoreError):
        store.update(key, count)
    redis.start()
    assert store.update(key, count) is None


def test_pacing_survives_a_server_that_comes_back_empty(redis, store, caplog):
    caplog.set_level(logging.WARNING)
    clock = VirtualClock()
    pacer = Pacer(store=FallbackStore(store, clock=clock), key="portal", bucket=LeakyBucket(50, 1e-6))
    assert pacer.acquire(40, 0) == Grant(40, 0.0)
    redis.kill()
    for _ in range(5):
        assert pacer.acquire(1, 0) == Grant(1, 0.0)
    redis.start()
    clock.sleep(RETRY_AFTER)
    assert pacer.acquire(10, 0) == Grant(3, 0.0)
    assert len(caplog.messages) == 1


def test_a_full_server_is_an_error_of_the_store(server, store, key):
    server.config_set("maxmemory", "1")
    try:
        with pytest.raises(SharedStoreError, match=r"OOM|used memory"):
            store.update(key, count)
    finally:
        server.config_set("maxmemory", "0")
    assert store.update(key, count) is None


def test_a_server_that_has_become_a_replica_is_an_error_of_the_store(server, store, key):
    server.replicaof("127.0.0.1", 1)
    try:
        with pytest.raises(SharedStoreError, match="read only replica"):
            store.update(key, count)
    finally:
        server.replicaof("NO", "ONE")


def test_a_value_of_another_type_is_left_alone(server, store, key):
    server.rpush(PREFIX + key, "somebody else's")
    with pytest.raises(SharedStoreError, match="wrong kind of value"):
        store.update(key, count)
    assert server.lrange(PREFIX + key, 0, -1) == [b"somebody else's"]


def test_foreign_values_hide_no_others_from_a_list_and_are_not_read(server, store, key):
    store.update(key, count)
    server.rpush(f"{PREFIX}{key} list", "somebody else's")
    server.set(f"{PREFIX}{key} long", json.dumps({"form": 1, "value": "x" * 1_000_000}))
    entries = store.entries()
    assert [entries[f"{key}{each}"] is None for each in ("", " list", " long")] == [False, True, True]


def test_a_value_of_a_newer_version_is_left_alone(server, store, key):
    newer = json.dumps({"form": 2, "value": 5})
    server.set(PREFIX + key, newer)
    with pytest.raises(SharedStoreError, match="newer version"):
        store.update(key, count)
    assert server.get(PREFIX + key) == newer.encode()


@pytest.mark.parametrize("junk", [b"", b"\xff\x00", b"5", b"[" * 10_000, b"x" * 1_000_000])
def test_a_value_that_cannot_be_read_counts_as_empty(server, store, key, junk):
    server.set(PREFIX + key, junk)
    assert store.update(key, count) is None
    assert store.update(key, count) == 1


def test_a_password_appears_nowhere(server, redis, key):
    server.config_set("requirepass", "s3cr3t-word")
    try:
        url = f"redis://:s3cr3t-word@127.0.0.1:{redis.port}/3"
        with closing(RedisStore.from_url(url, patience=60.0)) as store:
            assert store.update(key, count) is None
            assert "s3cr3t" not in f"{store} {store!r} {store.entries()}"
        with closing(RedisStore(host="127.0.0.1", port=redis.port, password="wrong-s3cr3t", patience=60.0)) as wrong:
            with pytest.raises(SharedStoreError, match=r"invalid|WRONGPASS") as caught:
                wrong.update(key, count)
            assert "wrong-s3cr3t" not in f"{caught.value!r} {caught.value}"
            assert caught.value.__suppress_context__
    finally:
        server.execute_command("CONFIG", "SET", "requirepass", "")


@pytest.mark.parametrize("url", ["redis.example.com", "http://:s3cr3t@redis.example.com", "redis://:s3cr3t@host:port"])
def test_a_url_that_cannot_be_read_is_refused_without_repeating_it(url):
    with pytest.raises(ConfigurationError, match="URL of the shared store cannot be read") as caught:
        RedisStore.from_url(url)
    assert "s3cr3t" not in str(caught.value)


def test_tls_is_asked_for_by_the_scheme():
    with closing(RedisStore.from_url("rediss://redis.example.com:6380/2")) as store:
        assert str(store) == "Redis at redis.example.com:6380, database 2"
        assert type(store._redis.connection_pool.make_connection()).__name__ == "SSLConnection"


def test_an_option_that_redis_does_not_know_is_named():
    with pytest.raises(ConfigurationError, match="colour"):
        RedisStore(host="127.0.0.1", colour="red")


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ConfigurationError, match=r"airflow-provider-bitrix24\[redis\]"):
        RedisStore(host="127.0.0.1")
