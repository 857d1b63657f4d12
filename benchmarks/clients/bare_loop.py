"""What people write themselves: one ``requests.Session``, 50 commands a batch, one batch after the other."""

from __future__ import annotations

import time
from urllib.parse import urlencode

import requests


class Adapter:
    """A loop that repeats a refused request after a second, and knows nothing else."""

    def __init__(self, webhook: str) -> None:
        self._url = webhook
        self._session = requests.Session()

    def fire(self, targets: list[str], code: str) -> dict:
        said = {"done": 0, "failed": 0, "unknown": 0}
        for start in range(0, len(targets), 50):
            chunk = targets[start : start + 50]
            queries = [urlencode({"target": target, "code": code}) for target in chunk]
            cmd = {f"c{index}": f"crm.automation.trigger?{query}" for index, query in enumerate(queries)}
            while True:
                answer = self._session.post(self._url + "batch", json={"halt": 0, "cmd": cmd}, timeout=300)
                if answer.status_code != 503:
                    break
                time.sleep(1)
            answer.raise_for_status()
            body = answer.json()["result"]
            said["done"] += len(body["result"])
            said["failed"] += len(body["result_error"])
        return said

    def calls(self, count: int, target: str, code: str) -> None:
        for _ in range(count):
            answer = self._session.post(
                self._url + "crm.automation.trigger", json={"target": target, "code": code}, timeout=70
            )
            answer.raise_for_status()
            if answer.json()["result"] is not True:
                raise RuntimeError(answer.text)

    def close(self) -> None:
        self._session.close()
