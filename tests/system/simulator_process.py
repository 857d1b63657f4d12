"""The simulator as its users run it: a process of its own, asked over its control API."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections import Counter
from typing import Any, Self


class SimulatorProcess:
    """``python -m airflow_provider_bitrix24.simulator`` on a free port.

    :param options: more command line options, such as ``"--request-ms", "20"``.
    """

    def __init__(self, *options: str) -> None:
        self._options = options

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "airflow_provider_bitrix24.simulator", "--port", "0", "--json"]
        self._process = subprocess.Popen([*command, *self._options], stdout=subprocess.PIPE, text=True)
        if self._process.stdout is None:
            raise RuntimeError("no output")
        told = json.loads(self._process.stdout.readline())
        self.webhook_url, self.control_url = str(told["webhook_url"]), str(told["control_url"]).rstrip("/")
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.terminate()
        self._process.communicate(timeout=20)

    @property
    def connection(self) -> str:
        """The value of an ``AIRFLOW_CONN_...`` variable."""
        return json.dumps({"conn_type": "bitrix24", "password": self.webhook_url})

    def post(self, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(
            self.control_url + path, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def get(self, path: str = "/") -> Any:
        with urllib.request.urlopen(self.control_url + path, timeout=60) as answer:
            return json.load(answer)

    def seed_deals(self, count: int, *, stages: tuple[str, ...] = ("PREPARATION", "EXECUTING")) -> None:
        """Deals 1 to ``count`` at NEW; the code c5u4m on several stages, so that a second fire moves a second time."""
        triggers = [{"stage": stage, "code": "c5u4m"} for stage in stages]
        deals = [{"type": "DEAL", "count": count, "stage": "NEW", "first_id": 1}]
        self.post("/reset", {"triggers": triggers, "generate": deals})

    @property
    def requests(self) -> int:
        return int(self.get()["requests"])

    @property
    def refused(self) -> int:
        return int(self.get()["statuses"].get("503", 0))

    def moves(self) -> Counter[int]:
        """How often entities moved -> how many entities."""
        return Counter(int(entry["moves"]) for entry in self.get("/fires").values())
