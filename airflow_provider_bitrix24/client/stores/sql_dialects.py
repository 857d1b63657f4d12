"""How each database locks a row, tells the time, and inserts what may be there already. Pure."""

# ruff: noqa: S608 - statements are put together of constants alone

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from airflow_provider_bitrix24.client.stores.record import MAX_SIZE

TABLE: Final = "airflow_provider_bitrix24_store"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """The statements of a database.

    :param title: its name, for people.
    :param create: makes the table.
    :param lock: locks the row ``name`` for this transaction; gives ``value`` and ``clock``, the time after the lock was
        granted, in seconds since the epoch.
    :param insert: makes an empty row ``name``, unless there is one.
    :param clock: gives the server's time.
    :param prepare: runs at the beginning of each transaction, or is empty.
    :param session: runs once for each connection.
    :param isolation: of transactions; ``None`` for the usual one.
    :param connect_args: of a driver, by its name.
    :param again: codes of errors after which the same transaction can succeed.
    """

    title: str
    create: str
    lock: str
    insert: str
    clock: str
    prepare: str = ""
    session: tuple[str, ...] = ()
    isolation: str | None = None
    connect_args: dict[str, dict[str, Any]] = field(default_factory=dict)
    again: frozenset[object] = frozenset()


_VALUE = f"substr(value, 1, {MAX_SIZE + 1}) AS value"
"""A value that is far too long, which counts as empty, is not read as a whole."""
UPDATE: Final = f"UPDATE {TABLE} SET value = :value WHERE name = :name"
ENTRIES: Final = f"SELECT name, {_VALUE} FROM {TABLE} ORDER BY name"
MISSING_TABLE: Final = frozenset({"42P01", 1146})
"""What PostgreSQL and MySQL call a table that does not exist. SQLite has no codes."""

_POSTGRES = Dialect(
    title="PostgreSQL",
    create=f"CREATE TABLE IF NOT EXISTS {TABLE} (name varchar(190) PRIMARY KEY, value text NOT NULL)",
    # now() is the time of the transaction's beginning; outside of the subquery, the clock is read after the lock.
    lock=f"WITH locked AS (SELECT {_VALUE} FROM {TABLE} WHERE name = :name FOR UPDATE) "
    "SELECT value, extract(epoch FROM clock_timestamp()) AS clock FROM locked",
    insert=f"INSERT INTO {TABLE} (name, value) VALUES (:name, '') ON CONFLICT (name) DO NOTHING",
    clock="SELECT extract(epoch FROM clock_timestamp())",
    # For this transaction only: a pooler such as PgBouncer passes the session on to others. A process that is stopped
    # in the middle loses its transaction.
    prepare="SELECT set_config('lock_timeout', '800ms', true), set_config('statement_timeout', '2s', true), "
    "set_config('idle_in_transaction_session_timeout', '2s', true)",
    isolation="READ COMMITTED",
    connect_args={"psycopg2": {"connect_timeout": 2}, "psycopg": {"connect_timeout": 2, "prepare_threshold": None}},
    again=frozenset({"40001", "40P01"}),
)
_MYSQL = Dialect(
    title="MySQL",
    create=f"CREATE TABLE IF NOT EXISTS {TABLE} (name varchar(190) CHARACTER SET ascii COLLATE ascii_bin PRIMARY KEY, "
    "value text CHARACTER SET ascii NOT NULL) ENGINE=InnoDB",
    # NOW() is the time of the statement's beginning, before the lock.
    lock=f"SELECT {_VALUE}, unix_timestamp(sysdate(6)) AS clock FROM {TABLE} WHERE name = :name FOR UPDATE",
    insert=f"INSERT IGNORE INTO {TABLE} (name, value) VALUES (:name, '')",
    clock="SELECT unix_timestamp(sysdate(6))",
    # In a zone with summer time, an hour of local time comes twice.
    session=("SET time_zone = '+00:00'", "SET innodb_lock_wait_timeout = 1"),
    # REPEATABLE READ would lock the gaps between rows, and with MariaDB's snapshot isolation refuse a row that was
    # changed while its lock was waited for.
    isolation="READ COMMITTED",
    connect_args={
        "mysqldb": {"connect_timeout": 1, "read_timeout": 3, "write_timeout": 3},
        "pymysql": {"connect_timeout": 1, "read_timeout": 3, "write_timeout": 3},
        "mysqlconnector": {"connection_timeout": 1},
    },
    again=frozenset({1020, 1213}),
)
_SQLITE = Dialect(
    title="SQLite",
    create=f"CREATE TABLE IF NOT EXISTS {TABLE} (name varchar(190) PRIMARY KEY, value text NOT NULL)",
    lock=f"SELECT {_VALUE}, (julianday('now') - 2440587.5) * 86400.0 AS clock FROM {TABLE} WHERE name = :name",
    insert=f"INSERT OR IGNORE INTO {TABLE} (name, value) VALUES (:name, '')",
    clock="SELECT (julianday('now') - 2440587.5) * 86400.0",
)
DRIVERS: Final = {
    "postgresql": {"psycopg2": "psycopg2", "psycopg": "psycopg"},
    "mysql": {"MySQLdb": "mysqldb", "pymysql": "pymysql", "mysql": "mysqlconnector"},
    "mariadb": {"MySQLdb": "mysqldb", "pymysql": "pymysql", "mysql": "mysqlconnector"},
}
"""Database -> Python module -> SQLAlchemy's name of the driver. The first that is installed is used."""
DIALECTS: Final = {"postgresql": _POSTGRES, "mysql": _MYSQL, "mariadb": _MYSQL, "sqlite": _SQLITE}
"""By SQLAlchemy's name."""
