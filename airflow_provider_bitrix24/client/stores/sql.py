"""A store in a database, for hosts that share no files: PostgreSQL, MySQL, MariaDB; SQLite for processes of one host.

A value is a row, which a short transaction locks; time is the server's. The table is made when it is first missed.
"""

from __future__ import annotations

import time
from random import random
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_bitrix24.client.errors import SharedStoreError
from airflow_provider_bitrix24.client.secret_text import SecretText
from airflow_provider_bitrix24.client.stores.record import MOST_ENTRIES, apply, peek
from airflow_provider_bitrix24.client.stores.remote import PATIENCE, first_line, raise_unusable, stored_key, within
from airflow_provider_bitrix24.client.stores.sql_dialects import ENTRIES, MISSING_TABLE, TABLE, UPDATE
from airflow_provider_bitrix24.client.stores.sql_engine import RefusedOptionError, dialect_of, make_engine, make_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy.engine import URL, Connection
    from sqlalchemy.exc import DBAPIError

    from airflow_provider_bitrix24.client.stores.deadline import BoundedCall
    from airflow_provider_bitrix24.client.stores.protocol import JsonValue

R = TypeVar("R")
S = TypeVar("S")
T = TypeVar("T")
_ATTEMPTS = 3
_PAUSE = 0.02
_OPTIONS_HINT = "Correct the options of the shared store; not every driver takes a password of every alphabet."


class SqlStore:
    """Values in a table of a database.

    >>> store = SqlStore("postgresql://user:PASSWORD@db.example.com/airflow")  # doctest: +SKIP

    :param url: as SQLAlchemy takes it; ``postgres://`` works, too.
    :param connect_args: further arguments of the database's driver, such as those for TLS.
    :param patience: seconds for which nobody waits longer for the database.
    :raises ConfigurationError: SQLAlchemy or the database's driver is not installed, or the URL cannot be used.
    """

    _name = "a database"

    def __init__(
        self, url: str | URL, *, connect_args: Mapping[str, Any] | None = None, patience: float = PATIENCE
    ) -> None:
        self._patience = patience
        if isinstance(url, str):
            url = SecretText(url)  # as a traceback with local variables shows it
        made = make_url(url)
        self.dialect = dialect_of(made)
        where = made.database if made.host is None else f"{made.host}:{made.port or 'default port'}/{made.database}"
        self._name = f"{self.dialect.title} at {where}"
        self._secret = None if made.password is None else SecretText(made.password)
        self._engine = make_engine(made.set(password=self._secret), self.dialect, dict(connect_args or {}), patience)

    def __str__(self) -> str:
        return self._name

    def __repr__(self) -> str:
        return f"<SqlStore: {self._name}>"

    def update(self, key: str, change: Callable[[JsonValue, float], tuple[JsonValue, T]]) -> T:
        """See :meth:`~.protocol.SharedStore.update`."""
        name = stored_key(key)

        def transact(call: BoundedCall[T], connection: Connection) -> T:
            row = self._execute(connection, self.dialect.lock, name=name).first()
            if row is None:
                raise _MissingRow
            text, answer = apply(row.value, float(row.clock), change)
            if call.given_up:
                raise TimeoutError
            self._execute(connection, UPDATE, name=name, value=text)
            return answer

        def work(call: BoundedCall[T]) -> T:
            return self._with_row(call, name, transact)

        return self._ask(work)

    def entries(self) -> dict[str, JsonValue]:
        """Return what is kept, by key; at most 1,000 values.

        :raises SharedStoreError: the database cannot be used.
        """

        def read(_: BoundedCall[dict[str, JsonValue]], connection: Connection) -> dict[str, JsonValue]:
            rows = self._execute(connection, ENTRIES).fetchmany(MOST_ENTRIES)
            return {row.name: peek(row.value) for row in rows}

        return self._ask(lambda call: self._transaction(call, read))

    def clock(self) -> float:
        """Return the server's time, in seconds since the epoch.

        :raises SharedStoreError: the database cannot be used.
        """

        def read(_: BoundedCall[float], connection: Connection) -> float:
            return float(self._execute(connection, self.dialect.clock).scalar_one())

        return self._ask(lambda call: self._transaction(call, read))

    def close(self) -> None:
        """Close the connections to the database."""
        self._engine.dispose()

    def _ask(self, function: Callable[[BoundedCall[R]], R]) -> R:
        from sqlalchemy.exc import SQLAlchemyError

        try:
            return within(self._patience, function, name=self._name)
        except SQLAlchemyError as error:
            raise_unusable(self._name, getattr(error, "orig", None) or type(error).__name__, secret=self._secret)
        except RefusedOptionError as error:
            raise_unusable(self._name, error, hint=_OPTIONS_HINT, secret=self._secret)

    def _with_row(self, call: BoundedCall[R], name: str, work: Callable[[BoundedCall[R], Connection], R]) -> R:
        """Run a transaction that needs a row, and make it first where it is missing."""
        try:
            return self._transaction(call, work)
        except _MissingRow:
            # In a transaction of its own: two that insert while they look for a row would wait for each other.
            self._transaction(call, lambda _, to: self._execute(to, self.dialect.insert, name=name))
        try:
            return self._transaction(call, work)
        except _MissingRow:
            raise_unusable(self._name, f"a row of table {TABLE} disappears while it is used")

    def _transaction(self, call: BoundedCall[R], work: Callable[[BoundedCall[R], Connection], S]) -> S:
        from sqlalchemy.exc import DBAPIError

        begun, finished = 0, False
        while True:
            begun += 1
            try:
                with self._engine.begin() as connection:
                    if self.dialect.prepare:
                        self._execute(connection, self.dialect.prepare)
                    answer = work(call, connection)
                    finished = True
            except DBAPIError as error:
                # Where the end of a transaction fails, it may have been committed.
                useless = finished or call.given_up or begun == _ATTEMPTS
                if useless or not self._may_repeat(error):
                    raise
            else:
                return answer
            time.sleep(_PAUSE * random())  # noqa: S311 - so that those who met do not meet again

    def _may_repeat(self, error: DBAPIError) -> bool:
        """Whether the connection was an old one that the server has closed, its victim, or the table was missing."""
        said = error.orig.args[:1] if error.orig else ()
        codes = {getattr(error.orig, name, None) for name in ("pgcode", "sqlstate")} | {*said}
        if codes & MISSING_TABLE or any(str(code).startswith("no such table") for code in codes):
            self._make_table()
            return True
        return bool(error.connection_invalidated or codes & self.dialect.again)

    def _make_table(self) -> None:
        from sqlalchemy import inspect
        from sqlalchemy.exc import DBAPIError

        try:
            with self._engine.begin() as connection:
                self._execute(connection, self.dialect.create)
        except DBAPIError as error:
            if inspect(self._engine).has_table(TABLE):  # somebody else has just made it
                return
            raise SharedStoreError(
                f"{self._name} has no table {TABLE}, and it cannot be made: {first_line(error.orig)}.",
                hint="Run the statement that `python -m airflow_provider_bitrix24 store --sql` prints.",
            ) from None

    @staticmethod
    def _execute(connection: Connection, statement: str, **values: str) -> Any:
        from sqlalchemy import text

        return connection.execute(text(statement), values)


class _MissingRow(Exception):  # noqa: N818 - an event, caught in this module
    """Nothing was kept under this name yet."""
