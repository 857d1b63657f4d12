"""A Redis server of its own for a while: on loopback, on a free port, with nothing kept; gone afterwards."""

from __future__ import annotations

import shutil
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from scripts import processes
from scripts.environments import clean_variables
from scripts.processes import wait_for

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

_START = 30.0
"""Seconds that it may take to start."""


def server_program() -> str | None:
    """Find the program, or ``None`` where it is not installed."""
    return shutil.which("redis-server") or shutil.which("valkey-server")


class RedisFailed(RuntimeError):
    """The server did not start; the message holds what it said."""


class RedisProcess:
    """One empty server; as a context manager it is started and stopped.

    :param folder: where its log goes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        [self.port] = processes.free_ports(1)

    @property
    def url(self) -> str:
        """Its address, database 0."""
        return f"redis://127.0.0.1:{self.port}/0"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it, also again after :meth:`kill`, on the same port; wait until it answers.

        :raises RedisFailed: it is not installed, ended, or takes too long.
        """
        program = server_program()
        if program is None:
            raise RedisFailed("redis-server is not installed")
        log = self._folder / "redis.log"
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        process = processes.start([program, *options], env=clean_variables(), log=log, cwd=self._folder)
        self._process = process

        def answers() -> bool:
            if process.poll() is not None:
                raise RedisFailed(f"Redis ended with status {process.returncode}.\n{log.read_text()}")
            return self._answers()

        try:
            wait_for(answers, seconds=_START, why="Redis did not start")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it."""
        process, self._process = self._process, None
        if process is not None:
            processes.stop(process)

    def kill(self) -> None:
        """End it as a crash does; what it held is lost."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        return False
