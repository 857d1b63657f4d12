"""What the control API shows of a portal: counts and triggers, requests, fires, and single entities."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from airflow_provider_bitrix24.simulator.control.json_handlers import json_handler
from airflow_provider_bitrix24.simulator.portal import entity_types
from airflow_provider_bitrix24.simulator.portal.accounts import MAIN_SECRET, SYSTEM_SECRET
from airflow_provider_bitrix24.simulator.portal.field_names import is_user_field
from airflow_provider_bitrix24.simulator.portal.model import HistoryType

if TYPE_CHECKING:
    from airflow_provider_bitrix24.simulator.portal import Portal
    from airflow_provider_bitrix24.simulator.portal.model import AutomationTrigger, HistoryRow, Item

_DIGITS: Final = 18
_EVENTS: Final = {
    HistoryType.CREATED: "created",
    HistoryType.INTERMEDIATE: "moved",
    HistoryType.FINAL: "finished",
    HistoryType.PIPELINE_CHANGED: "changed pipeline",
}


class Inspection:
    """Handlers that change nothing."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def routes(self) -> list[web.RouteDef]:
        """The routes."""
        return [
            web.get("/_simulator/", json_handler(self.state)),
            web.get("/_simulator/requests", json_handler(self.requests)),
            web.get("/_simulator/requests/{number}", json_handler(self.request)),
            web.get("/_simulator/fires", json_handler(self.fires)),
            web.get("/_simulator/items/{target}", json_handler(self.item)),
        ]

    async def state(self, request: web.Request) -> Any:
        """Show addresses, counts and triggers."""
        portal = self._portal
        base = f"{request.scheme}://{request.host}"
        return {
            "webhook_url": f"{base}/rest/1/{MAIN_SECRET}/",
            "system_webhook_url": f"{base}/rest/1/{SYSTEM_SECRET}/",
            "plan": portal.settings.plan,
            "now": portal.clock.now(),
            "items": sum(len(store) for store in portal.items.values()),
            "requests": portal.request_log.total,
            "statuses": {str(status): count for status, count in sorted(portal.request_log.statuses.items())},
            "moves": portal.events.total_moves,
            "triggers": [_trigger(each) for placed in portal.triggers.values() for each in placed],
        }

    async def requests(self, request: web.Request) -> Any:
        """List the last requests, secrets hidden: ``?last=100``, ``?after=NUMBER``."""
        count, after = (_whole(name, request.query.get(name, default)) for name, default in _PAGE)
        request_log = self._portal.request_log
        recorded = [each.as_dict() for each in request_log.last(max(1, count)) if each.number > after]
        return {"total": request_log.total, "requests": recorded}

    async def request(self, request: web.Request) -> Any:
        """One of the last requests, secrets hidden."""
        number = _whole("number", request.match_info["number"])
        for each in self._portal.request_log:
            if each.number == number:
                return each.as_dict()
        raise _missing(f"request {number} is not among those kept")

    async def fires(self, request: web.Request) -> Any:
        """Show for each entity how many fires were executed and how often it moved."""
        del request
        portal = self._portal
        with portal.lock:
            targets = sorted(set(portal.fires) | set(portal.moves))
            return {each: {"fires": portal.fires[each], "moves": portal.moves[each]} for each in targets}

    async def item(self, request: web.Request) -> Any:
        """Show one entity: its stage, its history, its moves and its fires."""
        target = request.match_info["target"]
        portal = self._portal
        with portal.lock:
            item = portal.find(target)
            if item is None:
                raise _missing(f"there is no {target}")
            return _place(portal, item) | {
                "moves": portal.moves[item.reference],
                "fires": portal.fires[item.reference],
                "fields": {name: value for name, value in item.extra.items() if is_user_field(name)},
                "history": [_event(portal, row) for row in portal.history_of(item.reference)],
            }


_PAGE: Final = (("last", "100"), ("after", "0"))


def _place(portal: Portal, item: Item) -> dict[str, Any]:
    pipeline = portal.pipelines.get((item.type_id, item.category_id))
    stage = pipeline.stage(item.stage_id) if pipeline else None
    return {
        "target": item.reference,
        "title": item.title,
        "stage": item.stage_id,
        "stage_name": stage.name if stage else "",
        "category_id": item.category_id,
        "pipeline": pipeline.name if pipeline else "",
        "amount": item.opportunity,
        "currency": item.extra.get("currencyId", "USD"),
        "assigned_by": item.assigned_by,
        "created": portal.clock.iso(item.created_time),
        "moved": portal.clock.iso(item.moved_time),
        "moved_time": item.moved_time,
        "moved_by": item.moved_by,
    }


def _event(portal: Portal, row: HistoryRow) -> dict[str, Any]:
    pipeline = portal.pipelines.get((row.type_id, row.category_id))
    stage = pipeline.stage(row.stage_id) if pipeline else None
    return {
        "time": portal.clock.iso(row.time),
        "event": _EVENTS[row.kind],
        "stage": row.stage_id,
        "stage_name": stage.name if stage else "",
        "category_id": row.category_id,
    }


def _trigger(trigger: AutomationTrigger) -> dict[str, Any]:
    return {
        "type": entity_types.type_name(trigger.type_id),
        "category_id": trigger.category_id,
        "stage": trigger.stage_id,
        "code": trigger.code,
        "conditions": len(trigger.conditions),
        "allow_backwards": trigger.allow_backwards,
        "application": trigger.application,
    }


def _missing(reason: str) -> web.HTTPNotFound:
    return web.HTTPNotFound(text=json.dumps({"error": reason}), content_type="application/json")


def _whole(name: str, text: str) -> int:
    """A whole number from 0 on.

    :raises ValueError: when it is something else.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise ValueError(f"{name!r} cannot be {text!r}; it is a whole number from 0 on")
    return int(text)
