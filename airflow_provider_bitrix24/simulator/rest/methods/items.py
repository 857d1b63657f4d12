"""``crm.item.*``: reading and changing items of any type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.simulator import php
from airflow_provider_bitrix24.simulator.errors import RestError
from airflow_provider_bitrix24.simulator.portal import edits
from airflow_provider_bitrix24.simulator.portal.accounts import may_read
from airflow_provider_bitrix24.simulator.portal.fields import fields_of
from airflow_provider_bitrix24.simulator.rest.methods import arguments
from airflow_provider_bitrix24.simulator.rest.methods.filters import parse_filter, parse_order
from airflow_provider_bitrix24.simulator.rest.methods.item_fields import (
    Selection,
    canonical,
    comparable,
    describe,
    render,
    selected,
)
from airflow_provider_bitrix24.simulator.rest.methods.operands import operand_for
from airflow_provider_bitrix24.simulator.rest.methods.queries import find_items
from airflow_provider_bitrix24.simulator.rest.methods.registry import MethodResult, method

if TYPE_CHECKING:
    from collections.abc import Generator

    from airflow_provider_bitrix24.simulator.portal.items import ItemStore
    from airflow_provider_bitrix24.simulator.portal.model import Item
    from airflow_provider_bitrix24.simulator.rest.methods.operands import Operand
    from airflow_provider_bitrix24.simulator.rest.methods.registry import Call


@method("crm.item.get")
def get(call: Call) -> Any:
    """One item."""
    item_id = arguments.integer(call, "id")
    _, store = arguments.entity_type(call)
    return {"item": render(call.portal, _readable(call, store, item_id), _everything(call))}


@method("crm.item.fields")
def fields(call: Call) -> Any:
    """Describe the fields of a type: their types, and whether they can be written."""
    type_id, _ = arguments.entity_type(call)
    return {"fields": describe(call.portal, type_id, original_names=_original_names(call))}


@method("crm.item.list")
def list_items(call: Call) -> Any:
    """A page of items, by default the oldest first; ``start=-1`` leaves out the count."""
    type_id, store = arguments.entity_type(call)
    portal = call.portal
    selection = _selection(call, type_id)

    def known(name: str) -> str | None:
        return comparable(type_id, name)

    def operand(name: str, value: Any) -> Operand:
        return operand_for(portal, fields_of(type_id).get(name), value)

    conditions = parse_filter(arguments.array(call, "filter"), known, operand)
    order = parse_order(arguments.array(call, "order"), known)
    found, total = find_items(call, store, conditions, order)
    shown = {"items": [render(portal, item, selection) for item in found]}
    return MethodResult(shown) if total is None else MethodResult.of_page(shown, call, len(found), total)


@method("crm.item.add")
def add(call: Call) -> Generator[float, None, Any]:
    """Create an item and return it."""
    type_id, _ = arguments.entity_type(call)
    item, robots = edits.create(call.portal, call.identity.user, type_id, _fields(call, type_id))
    if robots is not None:
        yield from robots
    return {"item": render(call.portal, item, _everything(call))}


@method("crm.item.update")
def update(call: Call) -> Generator[float, None, Any]:
    """Change an item and return it; robots of a new stage start."""
    item_id = arguments.integer(call, "id")
    type_id, store = arguments.entity_type(call)
    changes = _fields(call, type_id)
    item = store.get(item_id)
    if item is None:
        raise _not_found()
    robots = edits.update(call.portal, call.identity.user, item, changes)
    if robots is not None:
        yield from robots
    return {"item": render(call.portal, item, _everything(call))}


@method("crm.item.delete")
def delete(call: Call) -> Any:
    """Delete an item; the result is an empty array."""
    item_id = arguments.integer(call, "id")
    _, store = arguments.entity_type(call)
    item = store.get(item_id)
    if item is None:
        raise _not_found()
    edits.delete(call.portal, call.identity.user, item)
    return []


def _fields(call: Call, type_id: int) -> dict[str, Any]:
    raw = arguments.array(call, "fields", required=True)
    return {found: value for name, value in raw.items() if (found := canonical(type_id, name)) is not None}


def _readable(call: Call, store: ItemStore, item_id: int) -> Item:
    item = store.get(item_id)
    if item is None:
        raise _not_found()
    if not may_read(call.identity.user, item):
        raise RestError("ACCESS_DENIED", "You do not have permission to view this item")
    return item


def _not_found() -> RestError:
    return RestError("NOT_FOUND", "Element not found")


def _selection(call: Call, type_id: int) -> Selection:
    if not arguments.given(call, "select"):
        return _everything(call)
    names = [php.to_str(name) for name in arguments.array(call, "select").values()]
    if "UF_*" in map(str.upper, names):
        names += call.portal.user_fields.get(type_id, {})
    return selected(type_id, names, original_names=_original_names(call))


def _everything(call: Call) -> Selection:
    return Selection(None, _original_names(call))


def _original_names(call: Call) -> bool:
    return arguments.text(call, "useOriginalUfNames").upper() in ("Y", "1", "TRUE")
