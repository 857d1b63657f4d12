"""Which store an Airflow's hosts share: the configuration names a connection, and every client of a hook uses it."""

from __future__ import annotations

import asyncio
import json
import logging
import os

import pytest

from airflow_provider_bitrix24 import shared_store
from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.stores.redis import RedisStore
from airflow_provider_bitrix24.client.stores.sql import SqlStore
from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook
from airflow_provider_bitrix24.shared_store import afind_shared_store, find_shared_store, shared_store_directory
from tests.support.fault_proxy import FaultProxy
from tests.support.secrets_masker import secrets_masker_module

SECRET = "st0re-s3cr3t/@"


@pytest.fixture(autouse=True)
def no_store_is_open():
    yield
    for opened in shared_store._OPENED.values():
        opened.store.close()
    shared_store._OPENED.clear()


@pytest.fixture
def use(monkeypatch):
    """Let the configuration name a connection with these fields, or a URI."""

    def name(uri=None, **fields):
        monkeypatch.setenv("AIRFLOW_CONN_THE_STORE", uri or json.dumps(fields))
        monkeypatch.setenv("AIRFLOW__BITRIX24__SHARED_STORE_CONN_ID", "the_store")

    return name


def test_without_the_option_hosts_share_nothing(monkeypatch):
    monkeypatch.delenv("AIRFLOW__BITRIX24__SHARED_STORE_CONN_ID", raising=False)
    assert find_shared_store() is None
    assert asyncio.run(afind_shared_store()) is None


@pytest.mark.parametrize(
    ("fields", "kind", "shown"),
    [
        ({"conn_type": "redis"}, RedisStore, "Redis at localhost:6379, database 0"),
        ({"conn_type": "redis", "host": "r", "port": 1, "extra": {"db": 3}}, RedisStore, "Redis at r:1, database 3"),
        ({"conn_type": "redis", "host": "r", "schema": "2"}, RedisStore, "Redis at r:6379, database 2"),
        ({"conn_type": "postgres", "host": "p", "schema": "af"}, SqlStore, "PostgreSQL at p:default port/af"),
        ({"conn_type": "mysql", "host": "m", "port": 3307, "schema": "af"}, SqlStore, "MySQL at m:3307/af"),
        ({"conn_type": "sqlite", "host": "/srv/store.db"}, SqlStore, "SQLite at /srv/store.db"),
    ],
)
def test_a_connection_of_airflow_becomes_a_store(use, fields, kind, shown):
    use(**{"login": "me", "password": SECRET, **fields})
    store = find_shared_store()
    assert isinstance(store, kind)
    assert (str(store), SECRET in repr(store)) == (shown, False)
    assert find_shared_store() is store is asyncio.run(afind_shared_store()), "one for the whole process"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_a_connection_may_be_a_uri(use, scheme):
    use(f"{scheme}://me:{SECRET.replace('/', '%2F').replace('@', '%40')}@db.example.com:5433/af?sslmode=require")
    store = find_shared_store()
    assert str(store) == "PostgreSQL at db.example.com:5433/af"
    assert store._engine.url.password == SECRET


def test_tls_of_redis(use):
    use(conn_type="redis", host="r", extra={"ssl": True, "ssl_cert_reqs": "none"})
    assert type(find_shared_store()._redis.connection_pool.make_connection()).__name__ == "SSLConnection"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"conn_type": "http", "host": "h"}, "Its type is 'http'"),
        ({"conn_type": "redis", "extra": {"db": "first"}}, "db is 'first'"),
        ({"conn_type": "postgres", "extra": {"iam": True}}, "IAM"),
        ({"conn_type": "sqlite"}, "path of a file"),
    ],
)
def test_a_connection_that_cannot_be_a_store_is_named(use, fields, message):
    use(**fields)
    with pytest.raises(
        ConfigurationError, match=r"'the_store', which \[bitrix24\] shared_store_conn_id names:"
    ) as caught:
        find_shared_store()
    assert message in str(caught.value)


def test_both_clients_of_a_hook_use_the_store(portal, use, tmp_path):
    use(conn_type="sqlite", host=str(tmp_path / "store.db"))

    async def acall():
        async with Bitrix24Hook() as hook:
            return await hook.acall("scope")

    with Bitrix24Hook() as hook:
        assert hook.call("scope")
    assert asyncio.run(acall())
    [bucket] = [value for value in find_shared_store().entries().values() if "level" in value]
    assert sum(count for _, count in bucket["takers"].values()) == 2


def test_a_store_that_cannot_be_reached_costs_one_warning_without_its_password(portal, use, caplog):
    caplog.set_level(logging.DEBUG)
    with FaultProxy(1) as gone:
        port = gone.port
    use(conn_type="postgres", host="127.0.0.1", port=port, login="me", password=SECRET, schema="af")
    for _ in range(2):
        with Bitrix24Hook() as hook:
            assert hook.call("scope")
    assert [record.levelname for record in caplog.records if "is not shared" in record.message] == ["WARNING"]
    assert SECRET not in caplog.text


def test_the_password_is_masked_as_it_is_and_in_a_url(use):
    use(conn_type="redis", password=SECRET)
    find_shared_store()
    masker = secrets_masker_module()
    assert masker.redact(f"{SECRET} st0re-s3cr3t%2F%40") == "*** ***"


def test_the_former_name_of_the_directory_works_with_a_warning(monkeypatch):
    monkeypatch.delenv("AIRFLOW__BITRIX24__SHARED_STORE_DIRECTORY")
    monkeypatch.setenv("AIRFLOW__BITRIX24__PACING_DIRECTORY", "/former")
    with pytest.warns(DeprecationWarning, match="shared_store_directory"):
        assert shared_store_directory() == "/former"
    monkeypatch.setenv("AIRFLOW__BITRIX24__SHARED_STORE_DIRECTORY", "/new")
    with pytest.warns(DeprecationWarning, match="shared_store_directory"):
        assert shared_store_directory() == "/new"


def test_a_fork_opens_a_store_of_its_own(use):
    use(conn_type="redis")
    parent = find_shared_store()
    child = os.fork()
    if child == 0:
        os._exit(int(find_shared_store() is parent))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
