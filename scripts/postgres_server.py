"""A PostgreSQL server of its own for a while: on loopback, on a free port, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from scripts.processes import free_ports


def server_programs() -> Path | None:
    """The directory with the server's programs; Debian keeps them off the PATH."""
    on_path = shutil.which("initdb")
    found = [Path(on_path).parent] if on_path else []
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    needed = ("initdb", "pg_ctl", "createdb", "pg_dump", "psql")
    return next((each for each in found if all((each / name).exists() for name in needed)), None)


class PostgresProcess:
    """One server with one empty database, ``airflow``; as a context manager it is started and stopped.

    :param programs: the directory with its programs (:func:`server_programs`).
    :param settings: settings of the server, for example ``statement_timeout="20s"``.
    """

    def __init__(self, programs: Path, **settings: str) -> None:
        self._programs = programs
        self._settings = {"listen_addresses": "127.0.0.1", "fsync": "off", "max_connections": "200"} | settings
        [self.port] = free_ports(1)

    @property
    def url(self) -> str:
        """Its address, as SQLAlchemy takes it."""
        return f"postgresql+psycopg2://airflow@127.0.0.1:{self.port}/airflow"

    def __enter__(self) -> Self:
        # Short, since a socket's path may not be long, and open to the user whom the server runs as.
        self._home = Path(tempfile.mkdtemp(prefix="pg"))
        if os.geteuid() == 0:
            os.chown(self._home, pwd.getpwnam("postgres").pw_uid, -1)
        self._data = self._home / "data"
        self._run("initdb", "-D", self._data, "-A", "trust", "-U", "airflow", "--no-sync")
        self.start()
        try:
            self._run("createdb", "-h", "127.0.0.1", "-p", self.port, "-U", "airflow", "airflow")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()
        shutil.rmtree(self._home, ignore_errors=True)

    def start(self) -> None:
        """Start it, also again after :meth:`kill`, on the same port; wait until it answers."""
        settings = " ".join(f"-c {name}={value}" for name, value in self._settings.items())
        options = f"-p {self.port} -k {self._home} {settings}"
        self._run("pg_ctl", "-D", self._data, "-o", options, "-l", self._home / "log", "-w", "start")

    def kill(self) -> None:
        """End it as a crash does; connections break, and what was committed is kept."""
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "-w", "stop")

    def _run(self, program: str, *arguments: object) -> None:
        # The server refuses to run as root.
        become = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        command = [*become, str(self._programs / program), *map(str, arguments)]
        done = subprocess.run(
            command, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{program} ended with {done.returncode}: {done.stderr}")
