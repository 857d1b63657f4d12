"""Where a portal's deals are, read and drawn for a terminal.

It calls the portal's REST methods itself, so that what it shows does not depend on the provider.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scripts.json_http import ask

_DEAL = 2
_TIMEOUT = 20
"""Seconds."""


@dataclass(frozen=True)
class Deal:
    """A deal as the board shows it."""

    target: str
    title: str
    pipeline: str
    stage: str


@dataclass(frozen=True)
class Board:
    """The deals of a portal; ``stages`` are all stages of each pipeline, in order."""

    stages: dict[str, list[str]]
    deals: dict[str, Deal]

    def lines(self, moved_from: dict[str, str] | None = None) -> list[str]:
        """Draw the board: the stages that hold a deal; a deal that has moved is marked with its former stage."""
        moved_from = moved_from or {}
        drawn = []
        for pipeline, stages in self.stages.items():
            drawn.append(f"  {pipeline}")
            for stage in stages:
                there = [deal for deal in self.deals.values() if (deal.pipeline, deal.stage) == (pipeline, stage)]
                for position, deal in enumerate(there):
                    label = stage if position == 0 else ""
                    mark = f"   <== from {moved_from[deal.target]}" if deal.target in moved_from else ""
                    drawn.append(f"    {label:<22} {deal.target:<8} {deal.title}{mark}")
        return drawn

    def moves_since(self, before: Board) -> list[str]:
        """Say which deal went from which stage to which."""
        moves = [(deal, before.deals[target]) for target, deal in self.deals.items() if target in before.deals]
        return [
            f"  {now.target:<8} {then.stage} -> {now.stage}   ({now.title})"
            for now, then in moves
            if (now.pipeline, now.stage) != (then.pipeline, then.stage)
        ]

    def moved_from(self, before: Board) -> dict[str, str]:
        """Deal that has moved -> name of its former stage."""
        return {
            target: before.deals[target].stage
            for target, deal in self.deals.items()
            if target in before.deals and deal != before.deals[target]
        }


def read(webhook_url: str) -> Board:
    """Read the pipelines of a portal, their stages and its first fifty deals."""
    pipelines = _ask(webhook_url, "crm.category.list", {"entityTypeId": _DEAL})["categories"]
    names: dict[str, dict[str, str]] = {}
    for each in pipelines:
        entity = "DEAL_STAGE" if int(each["id"]) == 0 else f"DEAL_STAGE_{each['id']}"
        rows = _ask(webhook_url, "crm.status.list", {"order": {"SORT": "ASC"}, "filter": {"ENTITY_ID": entity}})
        names[each["name"]] = {row["STATUS_ID"]: row["NAME"] for row in rows}
    pipeline_names = {int(each["id"]): each["name"] for each in pipelines}
    items = _ask(
        webhook_url,
        "crm.item.list",
        {"entityTypeId": _DEAL, "select": ["id", "title", "stageId", "categoryId"], "order": {"id": "ASC"}},
    )["items"]
    deals = {}
    for item in items:
        pipeline = pipeline_names[int(item["categoryId"])]
        stage = names[pipeline].get(item["stageId"], item["stageId"])
        deals[f"DEAL_{item['id']}"] = Deal(f"DEAL_{item['id']}", item["title"], pipeline, stage)
    return Board({pipeline: list(stages.values()) for pipeline, stages in names.items()}, deals)


def _ask(webhook_url: str, method: str, params: dict[str, Any]) -> Any:
    return ask(f"{webhook_url}{method}", params, timeout=_TIMEOUT)["result"]
