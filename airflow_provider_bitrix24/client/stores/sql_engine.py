"""What connects a store to its database: the URL, the driver, and the options of every connection."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.secret_text import SecretText
from airflow_provider_bitrix24.client.stores.sql_dialects import DIALECTS, DRIVERS, Dialect

if TYPE_CHECKING:
    from sqlalchemy.engine import URL, Connection, Engine

_IDLE = 300
"""Seconds after which an unused connection is not used again: firewalls forget it silently."""


class RefusedOptionError(Exception):
    """A driver refuses an option of a connection, such as a password of letters that it cannot encode."""


def make_url(url: str | URL) -> URL:
    """Read the URL of a database, and choose the first of its drivers that is installed where it names none.

    :raises ConfigurationError: SQLAlchemy is not installed, or the URL cannot be read.
    """
    try:
        from sqlalchemy.engine import make_url as read_url
        from sqlalchemy.exc import ArgumentError
    except ImportError:
        raise ConfigurationError(
            "A shared store in a database needs the Python package SQLAlchemy.",
            hint="Install airflow-provider-bitrix24[sql] on every host.",
        ) from None
    if isinstance(url, str) and url.startswith("postgres://"):
        url = SecretText(url.replace("postgres", "postgresql", 1))
    try:
        made = read_url(url)
        return made if "+" in made.drivername else made.set(drivername=_with_driver(made.drivername))
    except (ArgumentError, ValueError):
        # Its text may repeat the URL, which holds the password.
        raise ConfigurationError(
            "The URL of the shared store cannot be read.",
            hint="Use the form postgresql://USER:PASSWORD@HOST:5432/DATABASE.",
        ) from None


def _with_driver(backend: str) -> str:
    for module, driver in DRIVERS.get(backend, {}).items():
        if find_spec(module):
            return f"{backend}+{driver}"
    return backend


def sql_url(backend: str, **parts: Any) -> URL:
    """Put the URL of a database together, with the first of its drivers that is installed.

    :param backend: ``postgresql``, ``mysql`` or ``sqlite``.
    :param parts: ``username``, ``password``, ``host``, ``port``, ``database``.
    :raises ConfigurationError: SQLAlchemy is not installed.
    """
    return make_url(f"{backend}://").set(**parts)


def dialect_of(url: URL) -> Dialect:
    """The statements of a URL's database.

    :raises ConfigurationError: values cannot be kept in such a database.
    """
    name = url.get_backend_name()
    if name == "sqlite" and url.database in (None, "", ":memory:"):
        raise ConfigurationError("A shared store in SQLite needs the path of a file.", hint="Name the database's file.")
    if name not in DIALECTS:
        raise ConfigurationError(
            f"A shared store cannot be kept in {name}.", hint=f"Supported are {', '.join(sorted(DIALECTS))}."
        )
    return DIALECTS[name]


def make_engine(url: URL, dialect: Dialect, connect_args: dict[str, Any], patience: float) -> Engine:
    """Make what connects to a database.

    :param patience: seconds for which nobody waits longer for a connection.
    :raises ConfigurationError: the driver is not installed.
    """
    from sqlalchemy import create_engine, event
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.pool import QueuePool

    try:
        known = dialect.connect_args.get(url.get_driver_name(), {})
        if dialect is DIALECTS["sqlite"]:
            # Seconds for which a lock is waited for. Each call has a thread of its own, and takes over a connection.
            known = {"timeout": 0.8 * patience, "check_same_thread": False}
        options: dict[str, Any] = {"isolation_level": dialect.isolation} if dialect.isolation else {}
        if url.get_driver_name() in ("psycopg2", "psycopg"):
            options["use_native_hstore"] = False  # a new connection would look for a type that nothing here has
        engine = create_engine(
            url,
            future=True,  # SQLAlchemy 1.4 then behaves as 2 does
            hide_parameters=True,
            connect_args=known | connect_args,
            poolclass=QueuePool,
            pool_timeout=patience,
            pool_recycle=_IDLE,
            pool_use_lifo=True,
            **options,
        )
    except (ImportError, SQLAlchemyError) as error:
        raise ConfigurationError(
            f"A shared store in {dialect.title} needs a driver that is not installed: {error}.",
            hint="Install Airflow's provider of this database on every host.",
        ) from None
    event.listen(engine, "do_connect", _connect)
    if dialect is DIALECTS["sqlite"]:
        event.listen(engine, "connect", _leave_transactions_to_us)
        event.listen(engine, "begin", _begin_immediate)
    if dialect.session:
        event.listen(engine, "connect", lambda connection, _: _run_all(connection, dialect.session))
    return engine


def _connect(dialect: Any, _record: object, arguments: Any, options: Any) -> Any:
    try:
        return dialect.connect(*arguments, **options)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        # The text of a UnicodeEncodeError does not show the password, but the error holds it.
        said = "" if isinstance(error, UnicodeError) else f": {error}"
        raise RefusedOptionError(f"its driver refuses an option ({type(error).__name__}{said})") from None


def _leave_transactions_to_us(connection: Any, _record: object) -> None:
    connection.isolation_level = None


def _begin_immediate(connection: Connection) -> None:
    # SQLite would otherwise lock only at the first write, and refuse it where somebody else came first.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _run_all(connection: Any, statements: tuple[str, ...]) -> None:
    cursor = connection.cursor()
    try:
        for statement in statements:
            cursor.execute(statement)
    finally:
        cursor.close()
