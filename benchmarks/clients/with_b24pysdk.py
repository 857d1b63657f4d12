"""b24pysdk, the official SDK for Python: ``call_batches`` of typed calls, as its README shows it."""

from __future__ import annotations

from urllib.parse import urlsplit

from b24pysdk import BitrixWebhook, Client


class Adapter:
    def __init__(self, webhook: str) -> None:
        parts = urlsplit(webhook)
        _, _, user, secret, *_ = parts.path.split("/")
        self._client = Client(BitrixWebhook(domain=parts.netloc, webhook_token=f"{user}/{secret}"))

    def fire(self, targets: list[str], code: str) -> dict:
        trigger = self._client.crm.automation.trigger
        calls = {target: trigger(target, code=code) for target in targets}
        answer = self._client.call_batches(calls).result
        return {"done": len(answer.result), "failed": len(answer.result_error), "unknown": 0}

    def find(self) -> list[int]:
        request = self._client.crm.item.list(entity_type_id=2, select=["id"])
        return [each["id"] for each in request.as_list_fast().result]

    def calls(self, count: int, target: str, code: str) -> None:
        trigger = self._client.crm.automation.trigger
        for _ in range(count):
            if trigger(target, code=code).result is not True:
                raise RuntimeError("not true")

    def close(self) -> None:
        """Holds nothing open."""
