"""A MariaDB server of its own for a while: on loopback, on a free port, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Self

from scripts import processes
from scripts.environments import clean_variables


def server_programs() -> tuple[str, str] | None:
    """Find the server and the program that makes its first files, or ``None`` where they are not installed."""
    server = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin")
    installer = shutil.which("mariadb-install-db")
    return (server, installer) if server and installer else None


class MariadbProcess:
    """One server with one empty database, ``airflow``; as a context manager it is started and stopped."""

    def __init__(self) -> None:
        [self.port] = processes.free_ports(1)
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """Its address, as SQLAlchemy takes it."""
        return f"mysql+pymysql://airflow:airflow@127.0.0.1:{self.port}/airflow"

    def __enter__(self) -> Self:
        programs = server_programs()
        if programs is None:
            raise RuntimeError("MariaDB is not installed")
        self._home = Path(tempfile.mkdtemp(prefix="my"))
        user = []
        if os.geteuid() == 0:
            os.chown(self._home, pwd.getpwnam("mysql").pw_uid, -1)
            user = ["--user=mysql"]
        data = self._home / "data"
        server, installer = programs
        # Servers that begin together must not share a folder for temporary tables: their numbers may be the same.
        common = ["--no-defaults", f"--datadir={data}", f"--tmpdir={self._home}", *user]
        subprocess.run(
            [installer, *common, "--auth-root-authentication-method=normal", "--skip-test-db"],
            check=True,
            capture_output=True,
        )
        first = self._home / "first.sql"
        first.write_text(
            "CREATE DATABASE airflow;\nCREATE USER airflow@'127.0.0.1' IDENTIFIED BY 'airflow';\n"
            "GRANT ALL ON *.* TO airflow@'127.0.0.1';\n"
        )
        options = [
            f"--port={self.port}", "--bind-address=127.0.0.1", f"--socket={self._home}/socket", f"--init-file={first}",
            f"--pid-file={self._home}/pid", "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0",
        ]  # fmt: skip
        try:
            self._process = processes.start(
                [server, *common, *options], env=clean_variables(), log=self._home / "log", cwd=self._home
            )
            processes.wait_for(self._answers, seconds=60, why="MariaDB did not start")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
        shutil.rmtree(self._home, ignore_errors=True)

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
            return len(connection.recv(64)) > 0
        return False
