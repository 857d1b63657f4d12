"""This package's client."""

from __future__ import annotations

from airflow_provider_bitrix24.client import Bitrix24Client


class Adapter:
    """Fires as the documentation shows it."""

    def __init__(self, webhook: str, *, verify: bool = False, **settings) -> None:
        self._verify = verify
        self._client = Bitrix24Client.from_webhook_url(webhook, **settings)

    def fire(self, targets: list[str], code: str) -> dict:
        report = self._client.trigger_automation(targets, code, verify=self._verify)
        unknown = sum(each.error is not None and each.error.executed == "unknown" for each in report.results)
        done = report.moved + report.already + report.unverified
        shown = sum(each.stage_before is not None and each.stage_after is not None for each in report.results)
        return {
            "done": done,
            "failed": report.failed + report.unmoved - unknown,
            "unknown": unknown,
            "stages_shown": shown,
        }

    def find(self) -> list[str]:
        return self._client.find_entities("DEAL", "all", limit=1_000_000)

    def update(self, rows: list[dict], code: str) -> dict:
        updated = self._client.update_entities(rows, entity_type="DEAL")
        report = self._client.trigger_automation(updated.targets, code)
        return {"updated": updated.updated, "done": report.moved, "failed": report.failed, "unknown": 0}

    def amounts(self, ids: range) -> dict[int, float]:
        pages = [list(ids[start : start + 50]) for start in range(0, len(ids), 50)]
        params = {"entityTypeId": 2, "select": ["id", "opportunity"], "start": -1}
        reply = self._client.batch(
            {str(page[0]): ("crm.item.list", {**params, "filter": {"@id": page}}) for page in pages}
        )
        return {item["id"]: item["opportunity"] for each in reply.results.values() for item in each["items"]}

    def calls(self, count: int, target: str, code: str) -> None:
        call = self._client.call
        for _ in range(count):
            call("crm.automation.trigger", {"target": target, "code": code})

    def close(self) -> None:
        self._client.close()
