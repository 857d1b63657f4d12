"""The simulator as its users run it: a process of its own, asked over its control API."""

from __future__ import annotations

import json
import ssl
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any, Self

from scripts import processes
from scripts.environments import clean_variables
from scripts.json_http import ask
from scripts.processes import wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_START = 60.0
"""Seconds that it may take to start."""


class SimulatorFailed(RuntimeError):
    """The simulator did not start; the message holds what it said."""


class SimulatorProcess:
    """``python -m airflow_provider_bitrix24.simulator`` on a free port; as a context manager it is started and stopped.

    :param folder: where it writes its addresses, its log and, with ``--tls``, its certificate.
    :param options: more command line options, such as ``"--request-ms", "20"``.
    :param python: an interpreter that has the simulator's dependencies.
    :param env: environment variables instead of the usual ones.
    """

    def __init__(
        self, folder: Path, *options: str, python: str = sys.executable, env: Mapping[str, str] | None = None
    ) -> None:
        self._folder = folder
        self._python = python
        self._env = clean_variables() if env is None else env
        self.ca_file = folder / "ca.pem" if "--tls" in options else None
        self._options = [*options, *(["--ca-file", str(self.ca_file)] if self.ca_file else [])]
        self._tls: ssl.SSLContext | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it listens.

        :raises SimulatorFailed: it ended, or takes too long.
        """
        log, addresses = self._folder / "simulator.log", self._folder / "simulator.json"
        # Files, since pipes would break where it outlives the process that started it.
        with addresses.open("w") as output:
            self.process = processes.start(
                [self._python, "-m", "airflow_provider_bitrix24.simulator", "--port", "0", "--json", *self._options],
                env=self._env,
                log=log,
                cwd=self._folder,
                stdout=output,
            )

        def listens() -> bool:
            if self.process.poll() is not None:
                raise SimulatorFailed(f"The simulator ended with status {self.process.returncode}.\n{log.read_text()}")
            return addresses.read_text().endswith("\n")

        try:
            wait_for(listens, seconds=_START, why="The simulator did not start")
        except BaseException:
            self.stop()
            raise
        told = json.loads(addresses.read_text())
        self.webhook_url, self.board_url = str(told["webhook_url"]), str(told["board_url"])
        self._control_url = str(told["control_url"]).rstrip("/")
        if self.ca_file is not None:
            self._tls = ssl.create_default_context(cafile=self.ca_file)

    def stop(self) -> None:
        """End it."""
        processes.stop(self.process)

    @property
    def connection(self) -> str:
        """The value of an ``AIRFLOW_CONN_...`` variable."""
        return json.dumps({"conn_type": "bitrix24", "password": self.webhook_url})

    def get(self, path: str = "/") -> Any:
        """Ask the control API."""
        return ask(self._control_url + path, tls=self._tls)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Change something through the control API."""
        return ask(self._control_url + path, body, tls=self._tls)

    def move(self, target: str, stage: str) -> None:
        """Move an entity by hand, as a colleague does."""
        ask(f"{self._control_url}/items/{target}", {"stage": stage}, method="PATCH", tls=self._tls)

    def seed_deals(
        self,
        count: int,
        *,
        code: str = "c5u4m",
        stages: tuple[str, ...] = ("PREPARATION", "EXECUTING"),
        **seed: Any,
    ) -> None:
        """Empty the portal; put deals 1 to `count` at NEW, and on each of the stages a trigger with the code.

        On several stages, so that a second fire moves a second time.
        """
        triggers = [{"stage": stage, "code": code} for stage in stages]
        deals = [{"type": "DEAL", "count": count, "stage": "NEW", "first_id": 1}]
        self.post("/reset", {"triggers": triggers, "generate": deals, **seed})

    @property
    def requests(self) -> int:
        """Requests that it has served."""
        return int(self.get()["requests"])

    @property
    def refused(self) -> int:
        """Requests that it has refused because of its limit."""
        return int(self.get()["statuses"].get("503", 0))

    def moves(self) -> Counter[int]:
        """How often entities moved -> how many entities."""
        return Counter(int(entry["moves"]) for entry in self.get("/fires").values())
