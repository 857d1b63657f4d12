"""What one viewer of the board sees: a pipeline's counts, a window of its newest cards, the last requests.

A view compares the portal with what it showed last and reports the differences. So it never drifts from the portal:
moves, edits, seeds and resets are all differences. :mod:`.stream` sends them.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_bitrix24.simulator.portal import entity_types
from airflow_provider_bitrix24.simulator.portal.entity_types import DEAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_bitrix24.simulator.portal import Portal
    from airflow_provider_bitrix24.simulator.portal.model import Item, Pipeline
    from airflow_provider_bitrix24.simulator.portal.request_log import RecordedRequest

WINDOW: Final = 200
"""The most cards on the page, however many items there are."""
SHOWN_REQUESTS: Final = 30
_SHOWN_PARAMETERS: Final = 120
"""The most characters of a request's parameters."""

_TYPE_LABELS: Final = {
    "LEAD": "Leads",
    "DEAL": "Deals",
    "QUOTE": "Quotes",
    "SMART_INVOICE": "Invoices",
    "SMART_DOCUMENT": "Documents",
    "SMART_B2E_DOC": "HR documents",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One event of the stream: its name and its JSON data."""

    name: str
    data: dict[str, Any]


@dataclass(slots=True)
class _Column:
    count: int
    ids: list[int]


class BoardView:
    """One viewer's view of the portal.

    :param type_name: entity type to show, e.g. ``"DEAL"`` or ``"DYNAMIC_177"``.
    :param category_id: number of the pipeline; instead of one that does not exist, or was deleted, the view shows the
        first pipeline of the type, or else of deals.
    """

    def __init__(self, portal: Portal, type_name: str = "DEAL", category_id: int = 0) -> None:
        self._portal = portal
        self._wanted = (entity_types.resolve_type(type_name) or DEAL, category_id)
        self._structure: dict[str, Any] = {}
        self._columns: dict[str, _Column] = {}
        self._cards: dict[int, tuple[Any, ...]] = {}
        self._requests: list[tuple[int, float]] = []
        self._rendered: list[tuple[RecordedRequest, dict[str, Any]]] = []
        self._summary: dict[str, Any] = {}

    def changes(self) -> list[Change]:
        """The changes since the last call; the first call returns everything."""
        with self._portal.lock:
            found = [self._board_change(), self._request_change(), self._summary_change()]
        return [each for each in found if each is not None]

    def _board_change(self) -> Change | None:
        pipeline = self._pipeline()
        structure = self._describe(pipeline)
        fresh = structure != self._structure
        if fresh:
            self._structure = structure
            self._columns.clear()
            self._cards.clear()
        columns, cards = self._window(pipeline)
        changed_columns = {
            stage: {"count": column.count, "ids": column.ids}
            for stage, column in columns.items()
            if column != self._columns.get(stage)
        }
        changed_cards = [_card(self._portal, fields) for key, fields in cards.items() if fields != self._cards.get(key)]
        self._columns, self._cards = columns, cards
        if not (fresh or changed_columns or changed_cards):
            return None
        next_id = self._portal.items[pipeline.type_id].next_id()
        data: dict[str, Any] = {"next_id": next_id, "columns": changed_columns, "cards": changed_cards}
        return Change("board", structure | data) if fresh else Change("change", data)

    def _pipeline(self) -> Pipeline:
        pipelines = self._portal.pipelines
        if self._wanted in pipelines:
            return pipelines[self._wanted]
        ranked = sorted(pipelines.values(), key=lambda each: (each.type_id != self._wanted[0], each.type_id != DEAL))
        return ranked[0]

    def _describe(self, pipeline: Pipeline) -> dict[str, Any]:
        pipelines = [
            {
                "type": (name := entity_types.type_name(each.type_id)),
                "label": _TYPE_LABELS.get(name) or name.replace("DYNAMIC_", "Smart process "),
                "category": each.id,
                "name": each.name,
            }
            for each in self._portal.pipelines.values()
        ]
        stages = [
            {
                "id": each.id,
                "name": each.name,
                "color": each.color,
                "semantics": each.semantics,
                "triggers": self._triggers(pipeline, each.id),
            }
            for each in pipeline.stages
        ]
        return {
            "type": entity_types.type_name(pipeline.type_id),
            "category": pipeline.id,
            "pipelines": pipelines,
            "stages": stages,
        }

    def _triggers(self, pipeline: Pipeline, stage_id: str) -> list[dict[str, Any]]:
        """What leads to a stage: the code of each trigger, and what one has to know besides."""
        placed = self._portal.triggers.get((pipeline.type_id, pipeline.id), [])
        return [
            {
                "code": each.code,
                "application": each.application,
                "conditions": len(each.conditions),
                "allow_backwards": each.allow_backwards,
            }
            for each in placed
            if each.stage_id == stage_id
        ]

    def _window(self, pipeline: Pipeline) -> tuple[dict[str, _Column], dict[int, tuple[Any, ...]]]:
        store = self._portal.items[pipeline.type_id]
        counts = [store.count_at(pipeline.id, each.id) for each in pipeline.stages]
        columns: dict[str, _Column] = {}
        cards: dict[int, tuple[Any, ...]] = {}
        for stage, count, size in zip(pipeline.stages, counts, shares(counts, WINDOW), strict=True):
            ids = store.newest_at(pipeline.id, stage.id, size)
            columns[stage.id] = _Column(count, ids)
            for item_id in ids:
                item = store.get(item_id)
                if item is not None:
                    cards[item_id] = _shown(item)
        return columns, cards

    def _request_change(self) -> Change | None:
        last = self._portal.request_log.last(SHOWN_REQUESTS)
        numbers = [(each.number, each.moment) for each in last]
        if numbers == self._requests:
            return None
        self._requests = numbers
        known = {id(recorded): shown for recorded, shown in self._rendered}
        self._rendered = [(each, known.get(id(each)) or self._request(each)) for each in last]
        return Change("requests", {"requests": [shown for _, shown in reversed(self._rendered)]})

    def _request(self, recorded: RecordedRequest) -> dict[str, Any]:
        return {
            "number": recorded.number,
            "time": self._portal.clock.iso(recorded.moment),
            "http_method": recorded.http_method,
            "method": recorded.method or recorded.path,
            "parameters": _batch(recorded) if recorded.answers else _short(recorded.params),
            "commands": recorded.commands or len(recorded.answers),
            "status": recorded.status,
            "milliseconds": round(recorded.duration * 1000, 1),
            "error": recorded.error,
            "fault": recorded.fault,
            "source": recorded.source,
        }

    def _summary_change(self) -> Change | None:
        portal = self._portal
        now = portal.clock.now()
        limits = portal.limits
        summary = {
            "time": portal.clock.iso(now),
            "plan": str(portal.settings.plan),
            "requests": portal.request_log.total,
            "statuses": {str(status): count for status, count in sorted(portal.request_log.statuses.items())},
            "moves": portal.events.total_moves,
            "items": {entity_types.type_name(type_id): len(store) for type_id, store in portal.items.items()},
            "pending_faults": portal.faults.pending,
            "bucket": {"level": round(limits.fullest(now)), "capacity": limits.capacity} if limits.enabled else None,
        }
        if summary == self._summary:
            return None
        self._summary = summary
        return Change("summary", summary)


def shares(counts: Sequence[int], window: int) -> list[int]:
    """Divide a window of cards equally among columns; what a column does not need goes to the others.

    >>> shares([100000, 3, 0, 10], 30)
    [17, 3, 0, 10]
    """
    sizes = [0] * len(counts)
    left = window
    for rank, index in enumerate(sorted(range(len(counts)), key=counts.__getitem__)):
        sizes[index] = min(counts[index], left // (len(counts) - rank))
        left -= sizes[index]
    return sizes


def _batch(recorded: RecordedRequest) -> str:
    """The commands of a batch in a line: ``crm.automation.trigger x 50, code=c5u4m``."""
    counts = Counter(each.method for each in recorded.answers)
    parts = [f"{method} x {count}" for method, count in counts.items()]
    first = recorded.answers[0].params
    common = {
        name: value
        for name, value in first.items()
        if len(counts) == 1 and all(each.params.get(name) == value for each in recorded.answers)
    }
    return _cut(", ".join(parts) + (f", {_short(common)}" if common else ""))


def _short(params: dict[str, Any]) -> str:
    parts = []
    for name, value in params.items():
        parts.append(f"{name}={value if isinstance(value, str) else json.dumps(value)}")
        if sum(map(len, parts)) > _SHOWN_PARAMETERS:
            break
    return _cut(", ".join(parts))


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_PARAMETERS else f"{text[:_SHOWN_PARAMETERS]}…"


def _shown(item: Item) -> tuple[Any, ...]:
    currency = item.extra.get("currencyId", "USD")
    return (item.reference, item.id, item.title, item.opportunity, currency, item.moved_time, item.previous_stage_id)


def _card(portal: Portal, shown: tuple[Any, ...]) -> dict[str, Any]:
    target, item_id, title, amount, currency, moved, previous = shown
    return {
        "target": target,
        "id": item_id,
        "title": title,
        "amount": amount,
        "currency": currency,
        "moved": portal.clock.iso(moved),
        "from": previous,
    }
