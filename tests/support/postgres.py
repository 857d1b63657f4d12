"""A PostgreSQL server of its own for one test: on loopback, on a free port, gone afterwards."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import sqlite3
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

from scripts.processes import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scripts.local_airflow import LocalAirflow


def server_programs() -> Path | None:
    """The directory with the server's programs; Debian keeps them off the PATH."""
    on_path = shutil.which("initdb")
    found = [Path(on_path).parent] if on_path else []
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    needed = ("initdb", "pg_ctl", "createdb", "pg_dump", "psql")
    return next((each for each in found if all((each / name).exists() for name in needed)), None)


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


class PostgresProcess:
    """One server with one empty database, ``airflow``."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        [self.port] = free_ports(1)

    @property
    def url(self) -> str:
        return f"postgresql+psycopg2://airflow@127.0.0.1:{self.port}/airflow"

    def __enter__(self) -> Self:
        # Short, since a socket's path may not be long, and open to the user whom the server runs as.
        self._home = Path(tempfile.mkdtemp(prefix="pg"))
        if os.geteuid() == 0:
            os.chown(self._home, pwd.getpwnam("postgres").pw_uid, -1)
        self._data = self._home / "data"
        self._run("initdb", "-D", self._data, "-A", "trust", "-U", "airflow", "--no-sync")
        options = f"-p {self.port} -k {self._home} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200"
        self._run("pg_ctl", "-D", self._data, "-o", options, "-l", self._home / "log", "-w", "start")
        try:
            self._run("createdb", "-h", "127.0.0.1", "-p", self.port, "-U", "airflow", "airflow")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(self._home, ignore_errors=True)

    def _run(self, program: str, *arguments: object) -> None:
        # The server refuses to run as root.
        become = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        command = [*become, str(self._programs / program), *map(str, arguments)]
        done = subprocess.run(
            command, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{program} ended with {done.returncode}: {done.stderr}")
