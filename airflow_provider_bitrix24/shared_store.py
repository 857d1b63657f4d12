"""Which store the processes and hosts of an Airflow share: the configuration ``[bitrix24] shared_store_conn_id``.

The connection it names is one of Airflow's own types: ``redis``, ``postgres``, ``mysql`` or ``sqlite``. Where it is not
set, processes share files of their machine.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.locks import ThreadsLock
from airflow_provider_bitrix24.compat import (
    AirflowNotFoundException,
    BaseHook,
    aget_connection,
    amask_secrets,
    conf,
    mask_secrets,
)

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.stores.fallback import FallbackStore
    from airflow_provider_bitrix24.client.stores.redis import RedisStore
    from airflow_provider_bitrix24.client.stores.sql import SqlStore
    from airflow_provider_bitrix24.compat import Connection

SECTION, OPTION = "bitrix24", "shared_store_conn_id"
_REDIS = ("redis", "rediss", "valkey")
_BACKENDS = {
    "postgres": "postgresql",
    "postgresql": "postgresql",
    "mysql": "mysql",
    "mariadb": "mysql",
    "sqlite": "sqlite",
}
"""Type of an Airflow connection -> SQLAlchemy's name of the database."""
_REDIS_EXTRAS = ("ssl_cert_reqs", "ssl_ca_certs", "ssl_keyfile", "ssl_certfile", "ssl_check_hostname")
_POSTGRES_EXTRAS = ("sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl")
_MYSQL_EXTRAS = ("ssl", "ssl_mode", "ssl_ca", "ssl_cert", "ssl_key", "ssl_disabled")


def shared_store_conn_id() -> str | None:
    """Return the id of the connection to the store that hosts share; ``None`` for files of this machine."""
    return conf.get(SECTION, OPTION, fallback=None) or None


def shared_store_directory() -> str | None:
    """Return the directory in which the processes of this machine share files; ``None`` for the usual one."""
    directory = conf.get(SECTION, "shared_store_directory", fallback=None) or None
    former = conf.get(SECTION, "pacing_directory", fallback=None) or None
    if former is not None:
        warnings.warn(
            "[bitrix24] pacing_directory is deprecated: its name is now shared_store_directory.",
            DeprecationWarning,
            stacklevel=2,
        )
    return directory or former


@dataclass(frozen=True, slots=True)
class _Opened:
    """A store of this process.

    :param pacing: what its clients have in common; kept here, so that a pause of the store is known to the next client.
    """

    store: RedisStore | SqlStore
    pacing: FallbackStore


_OPENED: dict[str, _Opened] = {}
_LOCK = ThreadsLock()


def open_shared_store(conn_id: str, connection: Connection) -> RedisStore | SqlStore:
    """Return the store of a connection, which is one for the whole process.

    :raises ConfigurationError: the connection cannot be a store, or a Python package is missing.
    """
    from airflow_provider_bitrix24.client.stores.fallback import with_fallback

    fields = [connection.conn_type, connection.host, connection.port, connection.login, connection.password]
    described = json.dumps([*fields, connection.schema, str(connection.extra), conn_id], default=str)
    key = hashlib.sha256(described.encode()).hexdigest()
    with _LOCK:
        opened = _OPENED.get(key)
        if opened is None:
            try:
                store = _make(connection)
            except ConfigurationError as error:
                raise ConfigurationError(
                    f"Connection {conn_id!r}, which [{SECTION}] {OPTION} names: {error.message}", hint=error.hint
                ) from None
            opened = _OPENED[key] = _Opened(store, with_fallback(store))
    return opened.store


def find_shared_store() -> RedisStore | SqlStore | None:
    """Return the store that hosts share, or ``None`` where the processes of a machine share files.

    :raises ConfigurationError: ``[bitrix24] shared_store_conn_id`` names a connection that cannot be used.
    """
    conn_id = shared_store_conn_id()
    if conn_id is None:
        return None
    try:
        found = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        raise _missing(conn_id) from None
    mask_secrets(_secrets_of(found))
    return open_shared_store(conn_id, found)


async def afind_shared_store() -> RedisStore | SqlStore | None:
    """Do as :func:`find_shared_store` does, without blocking the event loop."""
    conn_id = shared_store_conn_id()
    if conn_id is None:
        return None
    try:
        found = await aget_connection(conn_id)
    except AirflowNotFoundException:
        raise _missing(conn_id) from None
    await amask_secrets(_secrets_of(found))
    return await asyncio.to_thread(open_shared_store, conn_id, found)


def _missing(conn_id: str) -> ConfigurationError:
    return ConfigurationError(
        f"[{SECTION}] {OPTION} names the connection {conn_id!r}, which does not exist.",
        hint="Add it, or remove the option to share files of each machine instead.",
    )


def _secrets_of(connection: Connection) -> list[str]:
    password = connection.password or ""
    return [password, quote(password, safe="")] if password else []


def _forget() -> None:
    # A fork copies connections, which two processes must not use.
    _OPENED.clear()


os.register_at_fork(after_in_child=_forget)


def _make(connection: Connection) -> RedisStore | SqlStore:
    kind = (connection.conn_type or "").lower()
    extra = _extra(connection)
    if kind in _REDIS:
        return _redis(connection, kind, extra)
    if kind in _BACKENDS:
        return _sql(connection, _BACKENDS[kind], extra)
    raise ConfigurationError(
        f"Its type is {kind!r}, in which nothing can be shared.", hint="Use redis, postgres, mysql or sqlite."
    )


def _redis(connection: Connection, kind: str, extra: Mapping[str, Any]) -> RedisStore:
    from airflow_provider_bitrix24.client.stores.redis import RedisStore

    options = {name: extra[name] for name in _REDIS_EXTRAS if extra.get(name) is not None}
    database = extra.get("db", connection.schema or 0)
    try:
        db = int(database)
    except (TypeError, ValueError):
        raise ConfigurationError(f"db is {database!r:.40}.", hint="Write the number of a database.") from None
    if kind == "rediss" or str(extra.get("ssl", "")).lower() in ("true", "1", "yes", "on"):
        options["ssl"] = True
    return RedisStore(
        host=connection.host or "localhost",
        port=connection.port or 6379,
        db=db,
        username=connection.login or None,
        password=connection.password or None,
        **options,
    )


def _sql(connection: Connection, backend: str, extra: Mapping[str, Any]) -> SqlStore:
    from airflow_provider_bitrix24.client.stores.sql import SqlStore
    from airflow_provider_bitrix24.client.stores.sql_engine import sql_url

    if extra.get("iam"):
        raise ConfigurationError("Login by IAM is not supported.", hint="Use a password.")
    if backend == "sqlite":
        path = connection.host or f"/{(connection.schema or '').lstrip('/')}"
        return SqlStore(sql_url(backend, database="" if path == "/" else path))
    url = sql_url(
        backend,
        username=connection.login or None,
        password=connection.password or None,
        host=connection.host or "localhost",
        port=connection.port,
        database=connection.schema or ("postgres" if backend == "postgresql" else None),
    )
    names = _POSTGRES_EXTRAS if backend == "postgresql" else _MYSQL_EXTRAS
    return SqlStore(url, connect_args={name: extra[name] for name in names if extra.get(name) is not None})


def _extra(connection: Connection) -> Mapping[str, Any]:
    extra = cast("Any", connection.extra)
    if isinstance(extra, str) and extra.strip():
        try:
            extra = json.loads(extra)
        except (ValueError, RecursionError):
            raise ConfigurationError("Extra is not valid JSON.", hint='Use the form {"db": 0}.') from None
    return extra if isinstance(extra, Mapping) else {}
