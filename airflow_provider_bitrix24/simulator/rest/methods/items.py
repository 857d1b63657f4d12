"""``crm.item.*``: reading and changing items of any type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.simulator import php
from airflow_provider_bitrix24.simulator.errors import RestError
from airflow_provider_bitrix24.simulator.portal import edits
from airflow_provider_bitrix24.simulator.portal.accounts import may_read
from airflow_provider_bitrix24.simulator.rest.methods import arguments
from airflow_provider_bitrix24.simulator.rest.methods.filters import parse_filter, parse_order
from airflow_provider_bitrix24.simulator.rest.methods.item_fields import canonical, render
from airflow_provider_bitrix24.simulator.rest.methods.queries import find_items
from airflow_provider_bitrix24.simulator.rest.methods.registry import PAGE, MethodResult, method

if TYPE_CHECKING:
    from collections.abc import Generator

    from airflow_provider_bitrix24.simulator.portal.items import ItemStore
    from airflow_provider_bitrix24.simulator.portal.model import Item
    from airflow_provider_bitrix24.simulator.rest.methods.registry import Call


@method("crm.item.get")
def get(call: Call) -> Any:
    """One item."""
    item_id = arguments.integer(call, "id")
    _, store = arguments.staged_type(call)
    return {"item": render(call.portal, _readable(call, store, item_id))}


@method("crm.item.list")
def list_items(call: Call) -> Any:
    """A page of items, by default the oldest first; ``start=-1`` leaves out the count."""
    _, store = arguments.staged_type(call)
    select = _select(arguments.array(call, "select"))
    criteria = parse_filter(arguments.array(call, "filter"), canonical, call.portal.clock)
    order = parse_order(arguments.array(call, "order"), canonical)
    counting = call.start >= 0
    offset = call.start - call.start % PAGE if counting else 0
    found, total = find_items(call, store, criteria, order, offset, counting=counting)
    shown = {"items": [render(call.portal, item, select) for item in found]}
    if total is None:
        return MethodResult(shown)
    following = offset + len(found)
    return MethodResult(shown, total=total, next=following if found and following < total else None)


@method("crm.item.add")
def add(call: Call) -> Generator[float, None, Any]:
    """Create an item and return it."""
    type_id, _ = arguments.staged_type(call)
    item, robots = edits.create(call.portal, call.identity.user, type_id, _fields(call))
    if robots is not None:
        yield from robots
    return {"item": render(call.portal, item)}


@method("crm.item.update")
def update(call: Call) -> Generator[float, None, Any]:
    """Change an item and return it; robots of a new stage start."""
    item_id = arguments.integer(call, "id")
    _, store = arguments.staged_type(call)
    fields = _fields(call)
    item = store.get(item_id)
    if item is None:
        raise _not_found()
    robots = edits.update(call.portal, call.identity.user, item, fields)
    if robots is not None:
        yield from robots
    return {"item": render(call.portal, item)}


@method("crm.item.delete")
def delete(call: Call) -> Any:
    """Delete an item; the result is an empty array."""
    item_id = arguments.integer(call, "id")
    _, store = arguments.staged_type(call)
    item = store.get(item_id)
    if item is None:
        raise _not_found()
    edits.delete(call.portal, call.identity.user, item)
    return []


def _fields(call: Call) -> dict[str, Any]:
    raw = arguments.array(call, "fields", required=True)
    return {canonical(name) or name: value for name, value in raw.items()}


def _readable(call: Call, store: ItemStore, item_id: int) -> Item:
    item = store.get(item_id)
    if item is None:
        raise _not_found()
    if not may_read(call.identity.user, item):
        raise RestError("ACCESS_DENIED", "You do not have permission to view this item")
    return item


def _not_found() -> RestError:
    return RestError("NOT_FOUND", "Element not found")


def _select(raw: dict[str, Any]) -> tuple[str, ...] | None:
    """The fields to show; ``None`` for all. The id is always among them."""
    names = [canonical(php.to_str(name)) or "" for name in raw.values()]
    if not names or "*" in names:
        return None
    return ("id", *(name for name in names if name not in ("id", "")))
