"""How each version of Airflow lets tasks, triggers and commands read and write Variables."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.compat import first_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def get_variable(name: str) -> str | None:
    """A Variable's text, or ``None``. It is looked up anew each time, unless DAG files are being parsed."""
    if _is_task():
        found: str | None = first_of("airflow.sdk.Variable").get(name, default=None)
    else:
        found = first_of("airflow.models.variable.Variable").get(name, default_var=None)
    return found


def set_variable(name: str, value: str, *, description: str) -> None:
    """Set a Variable."""
    variable = first_of("airflow.sdk.Variable" if _is_task() else "airflow.models.variable.Variable")
    variable.set(name, value, description=description)


def database_locks_rows() -> bool:
    """Whether this process may use Airflow's database, and that can lock rows: on 2.11, unless it is SQLite."""
    if not _has_database():
        return False
    engine = first_of("airflow.settings.engine")
    return engine is not None and engine.dialect.name != "sqlite"


def change_variables(
    names: Iterable[str], change: Callable[[dict[str, str | None]], dict[str, str]], *, description: str
) -> None:
    """Change Variables while their rows are locked, where :func:`database_locks_rows`.

    :param change: gets the texts by name, and returns those to write.
    """
    model, session_scope = (
        first_of("airflow.models.variable.Variable"),
        first_of("airflow.utils.session.create_session"),
    )
    with session_scope() as session:
        query = session.query(model).filter(model.key.in_(sorted(names))).order_by(model.key)
        rows = {row.key: row for row in query.with_for_update()}
        for name, value in change({name: rows[name].get_val() if name in rows else None for name in names}).items():
            if name in rows:
                rows[name].set_val(value)
            else:
                model.set(name, value, description=description, session=session)


def variable_elsewhere(name: str) -> str | None:
    """The name of a secrets backend that defines a Variable and so hides the one that tasks can write."""
    load = first_of(
        "airflow.sdk.execution_time.supervisor.ensure_secrets_backend_loaded",
        "airflow.configuration.ensure_secrets_loaded",
    )
    for backend in load():
        kind = type(backend).__name__
        if kind not in ("ExecutionAPISecretsBackend", "MetastoreBackend") and backend.get_variable(name) is not None:
            return kind
    return None


def secrets_are_cached() -> bool:
    """Whether Variables that this process reads may be old: so it is where DAG files are parsed."""
    cache = first_of("airflow.sdk.execution_time.cache.SecretCache", "airflow.secrets.cache.SecretCache")
    return getattr(cache, "_cache", None) is not None


def variables_are_encrypted() -> bool:
    """Whether Airflow has a key with which it encrypts Variables in its database."""
    return bool(first_of("airflow.models.crypto.get_fernet")().is_encrypted)


def _is_task() -> bool:
    """Whether this process has a supervisor to ask, as tasks and triggers have on Airflow 3."""
    return hasattr(sys.modules.get("airflow.sdk.execution_time.task_runner"), "SUPERVISOR_COMMS")


def _has_database() -> bool:
    """Whether this is Airflow 2, where tasks use the database directly."""
    return find_spec("airflow.sdk") is None
