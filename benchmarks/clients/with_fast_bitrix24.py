"""fast-bitrix24: ``call`` with a list, which packs batches and sends them in parallel."""

from __future__ import annotations

from fast_bitrix24 import Bitrix


class Adapter:
    def __init__(self, webhook: str, *, slow: bool = False, limits: bool = True) -> None:
        self._client = Bitrix(webhook, verbose=False, respect_velocity_policy=limits)
        self._slow = slow

    def fire(self, targets: list[str], code: str) -> dict:
        items = [{"target": target, "code": code} for target in targets]
        if self._slow:
            with self._client.slow():
                answers = self._client.call("crm.automation.trigger", items)
        else:
            answers = self._client.call("crm.automation.trigger", items)
        return {"done": len(answers), "failed": 0, "unknown": 0}

    def find(self) -> list[int]:
        found = self._client.get_all("crm.item.list", {"entityTypeId": 2, "select": ["id"]})
        return [each["id"] for each in found]

    def calls(self, count: int, target: str, code: str) -> None:
        for _ in range(count):
            self._client.call("crm.automation.trigger", {"target": target, "code": code})

    def close(self) -> None:
        """Holds nothing open."""
