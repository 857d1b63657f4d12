"""The databases on which system tests run Airflow, and what is in them."""

from __future__ import annotations

import importlib.util
import sqlite3
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from scripts.postgres_server import PostgresProcess, server_programs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scripts.local_airflow import LocalAirflow

DATABASES = [
    "SQLite",
    pytest.param(
        "PostgreSQL",
        marks=pytest.mark.skipif(
            server_programs() is None or importlib.util.find_spec("psycopg2") is None,
            reason="PostgreSQL's server or psycopg2 is missing",
        ),
    ),
]
"""Parameters of a fixture that starts Airflow; :func:`database_for` makes of one what Airflow is told."""


@contextmanager
def database_for(name: str) -> Iterator[dict[str, str]]:
    """Start the database, if it is one to be started; yields variables for Airflow's environment."""
    programs = server_programs()
    if name == "SQLite" or programs is None:
        yield {}
        return
    with PostgresProcess(programs) as server:
        yield {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": server.url, "AIRFLOW__CORE__EXECUTOR": "LocalExecutor"}


def select(airflow: LocalAirflow, query: str) -> list[str]:
    """Ask an Airflow's database for one column."""
    url = airflow.env.get("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN")
    programs = server_programs()
    if url is None or programs is None:
        with sqlite3.connect(f"file:{airflow.home}/airflow.db?mode=ro", uri=True) as database:
            return [str(row[0]) for row in database.execute(query)]
    command = [programs / "psql", "-At", "-c", query, url.replace("+psycopg2", "")]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def dump(url: str) -> bytes:
    """All that a database holds, as SQL."""
    programs = server_programs()
    if programs is None:
        raise RuntimeError("PostgreSQL's programs are not installed")
    plain = url.replace("+psycopg2", "")
    return subprocess.run([programs / "pg_dump", plain], check=True, capture_output=True).stdout
