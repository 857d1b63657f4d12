"""What a database may do to the store that is kept in it."""

from __future__ import annotations

import sys
import threading
from contextlib import closing, contextmanager

import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError, SharedStoreError
from airflow_provider_bitrix24.client.stores.sql import SqlStore
from airflow_provider_bitrix24.client.stores.sql_dialects import DIALECTS, TABLE
from tests.support.fault_proxy import FaultProxy

sqlalchemy = pytest.importorskip("sqlalchemy")


def count(value, _):
    return (value or 0) + 1, value


@pytest.fixture
def key(request):
    return request.node.name


@pytest.fixture
def proxy(postgres):
    with FaultProxy(postgres.port) as made:
        yield made


@pytest.fixture
def store(proxy):
    with closing(SqlStore(at(proxy), patience=60.0)) as made:
        yield made


def at(proxy, scheme="postgresql+psycopg2", user="airflow"):
    return f"{scheme}://{user}@127.0.0.1:{proxy.port}/airflow"


@contextmanager
def connected(url):
    """The database, asked past the store; what is executed is committed at once."""
    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            yield lambda statement, **values: connection.execute(sqlalchemy.text(statement), values)
    finally:
        engine.dispose()


@pytest.fixture
def database(postgres):
    with connected(postgres.url) as ask:
        yield ask


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_usual_way_to_name_postgresql_works(proxy, key, scheme):
    if scheme.endswith("psycopg"):
        pytest.importorskip("psycopg")
        if sqlalchemy.__version__.startswith("1."):
            pytest.skip("SQLAlchemy 1.4 does not know psycopg 3")
    with closing(SqlStore(at(proxy, scheme), patience=60.0)) as store:
        assert store.update(key, count) is None
        assert str(store) == f"PostgreSQL at 127.0.0.1:{proxy.port}/airflow"


def test_a_slow_database_is_used_as_long_as_it_answers_in_time(proxy, store, key):
    store.update(key, count)
    proxy.delay = 0.005
    assert store.update(key, count) == 1


def test_a_silent_database_is_given_up(proxy, key):
    with closing(SqlStore(at(proxy), patience=0.05)) as store:
        proxy.mode = "silent"
        with pytest.raises(SharedStoreError, match=r"no answer within 0\.05 s"):
            store.update(key, count)


def test_a_database_that_cannot_be_reached_is_an_error_without_the_password(key):
    with FaultProxy(1) as gone:
        port = gone.port
    with closing(SqlStore(f"postgresql://airflow:s3cr3t@127.0.0.1:{port}/airflow", patience=60.0)) as store:
        with pytest.raises(SharedStoreError, match="refused") as caught:
            store.update(key, count)
        assert "s3cr3t" not in f"{caught.value!r} {caught.value} {store} {store!r}"


def test_connections_that_a_restart_has_closed_are_made_anew(database, store, key):
    store.update(key, count)
    database("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    assert store.update(key, count) == 1


def test_a_row_that_somebody_keeps_locked_is_waited_for_less_than_a_second(postgres, store, key):
    store.update(key, count)
    engine = sqlalchemy.create_engine(postgres.url)
    with engine.begin() as holder:
        holder.execute(sqlalchemy.text(f"UPDATE {TABLE} SET value = value WHERE name = :name"), {"name": key})  # noqa: S608
        with pytest.raises(SharedStoreError, match="lock timeout"):
            store.update(key, count)
    engine.dispose()
    assert store.update(key, count) == 1


def test_a_table_that_disappears_is_made_anew(database, store, key):
    store.update(key, count)
    database(f"DROP TABLE {TABLE}")
    assert store.update(key, count) is None


def test_many_that_miss_the_table_and_the_row_at_once_all_find_them(postgres, database, key):
    database(f"DROP TABLE IF EXISTS {TABLE}")
    stores, seen = [SqlStore(postgres.url, patience=60.0) for _ in range(8)], []
    threads = [threading.Thread(target=lambda each=each: seen.append(each.update(key, count))) for each in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in stores:
        each.close()
    assert sorted(seen, key=lambda value: value or 0) == [None, *range(1, 8)]


def test_who_may_not_make_the_table_is_told_which_statement_makes_it(proxy, database, key):
    database(f"DROP TABLE IF EXISTS {TABLE}")
    database("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    database("CREATE ROLE guest LOGIN")
    with closing(SqlStore(at(proxy, user="guest"), patience=60.0)) as store:
        with pytest.raises(SharedStoreError, match=r"permission denied.*store --sql"):
            store.update(key, count)
        database(store.dialect.create)
        database(f"GRANT SELECT, INSERT, UPDATE ON {TABLE} TO guest")
        assert store.update(key, count) is None


def test_a_database_that_has_become_a_standby_is_an_error_of_the_store(proxy, store, key):
    store.update(key, count)
    standby = {"options": "-c default_transaction_read_only=on"}
    with closing(SqlStore(at(proxy), connect_args=standby, patience=60.0)) as reading:
        for each in (key, f"{key}, new"):
            with pytest.raises(SharedStoreError, match="read-only transaction"):
                reading.update(each, count)
        assert reading.entries()[key] == 1
    assert store.update(key, count) == 1


def test_a_user_who_may_only_read_the_table_is_an_error_of_the_store(proxy, database, store, key):
    store.update(key, count)
    database("CREATE ROLE reader LOGIN")
    database(f"GRANT SELECT ON {TABLE} TO reader")
    with (
        closing(SqlStore(at(proxy, user="reader"), patience=60.0)) as reading,
        pytest.raises(SharedStoreError, match="permission denied"),
    ):
        reading.update(key, count)


@pytest.mark.parametrize("junk", ["", "5", "not JSON", "x" * 1_000_000])
def test_a_value_that_cannot_be_read_counts_as_empty(database, store, key, junk):
    store.update(key, count)
    database(f"UPDATE {TABLE} SET value = :junk WHERE name = :name", junk=junk, name=key)  # noqa: S608
    assert store.update(key, count) is None


def test_the_time_is_read_after_the_lock(postgres, store, key, database):
    """Otherwise each who waits would bring an older time than the one before left."""
    store.update(key, count)
    engine, seen = sqlalchemy.create_engine(postgres.url), []
    with engine.begin() as holder:
        holder.execute(sqlalchemy.text(f"UPDATE {TABLE} SET value = value WHERE name = :name"), {"name": key})  # noqa: S608
        waiting = threading.Thread(target=lambda: seen.append(store.update(key, lambda value, now: (value, now))))
        waiting.start()
        while not database("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'").scalar():
            pass
        queued = float(database(DIALECTS["postgresql"].clock).scalar())
    waiting.join()
    engine.dispose()
    assert seen[0] >= queued


def test_mysql_gives_the_time_of_the_lock_in_any_zone(mysql, key):
    with connected(mysql.url) as database:
        database("SET GLOBAL time_zone = '+11:00'")
        try:
            with closing(SqlStore(mysql.url, patience=60.0)) as store:
                now = store.update(key, lambda value, now: (value, now))
                assert abs(now - float(database("SELECT unix_timestamp(now(6))").scalar())) < 60
        finally:
            database("SET GLOBAL time_zone = 'SYSTEM'")


def test_processes_of_one_host_can_share_a_file_of_sqlite(tmp_path, key):
    with (
        closing(SqlStore(f"sqlite:///{tmp_path}/store.db", patience=60.0)) as first,
        closing(SqlStore(f"sqlite:///{tmp_path}/store.db", patience=60.0)) as second,
    ):
        assert [store.update(key, count) for store in (first, second, first)] == [None, 1, 2]
        assert str(first) == f"SQLite at {tmp_path}/store.db"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "URL of the shared store cannot be read"),
        ("postgresql://airflow:s3cr3t@host:port/x", "URL of the shared store cannot be read"),
        ("oracle://airflow:s3cr3t@host/x", "cannot be kept in oracle"),
        ("sqlite://", "path of a file"),
        ("mysql+nosuchdriver://airflow:s3cr3t@host/x", "driver that is not installed"),
    ],
)
def test_what_cannot_be_a_store_is_refused_without_repeating_a_password(url, message):
    with pytest.raises(ConfigurationError, match=message) as caught:
        SqlStore(url)
    assert "s3cr3t" not in str(caught.value)


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sqlalchemy.engine", None)
    with pytest.raises(ConfigurationError, match=r"airflow-provider-bitrix24\[sql\]"):
        SqlStore("sqlite:///store.db")
