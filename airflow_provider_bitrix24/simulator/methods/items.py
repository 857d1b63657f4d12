"""``crm.item.*``: reading and changing items of any type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import php
from ..accounts import may_read
from ..errors import RestError
from . import arguments
from .filters import holds, page, parse_filter, parse_order, sort_rows
from .item_fields import canonical, field_value, render
from .registry import PAGE, Answer, method

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..items import ItemStore
    from ..model import Item
    from .filters import Test
    from .registry import Call


@method("crm.item.get")
def get(call: Call) -> Any:
    """Return one item."""
    item_id = arguments.integer(call, "id")
    _, store = arguments.staged_type(call)
    return {"item": render(call.portal, readable(call, store, item_id))}


@method("crm.item.list")
def list_items(call: Call) -> Any:
    """Return a page of items, by default the oldest first."""
    _, store = arguments.staged_type(call)
    select = _select(arguments.array(call, "select"))
    tests = parse_filter(arguments.array(call, "filter"), canonical)
    order = parse_order(arguments.array(call, "order"), canonical)
    user, portal = call.identity.user, call.portal
    counting = call.start >= 0
    offset = call.start - call.start % PAGE if counting else 0

    rows: Iterable[Item] = _candidates(store, tests, order)
    if not user.is_admin:
        rows = (item for item in rows if may_read(user, item))
    if tests:
        rows = (item for item in rows if all(holds(test, field_value(portal, item, test.field)) for test in tests))
    if _needs_sorting(order):
        rows = sort_rows(list(rows), order, lambda item, field: field_value(portal, item, field))
    if not counting:
        return Answer({"items": [render(portal, item, select) for item in page(rows, 0, PAGE)]})
    if not tests and not _needs_sorting(order) and user.is_admin:
        total, shown = len(store), page(rows, offset, PAGE)
    else:
        everything = list(rows)
        total, shown = len(everything), everything[offset : offset + PAGE]
    following = offset + len(shown)
    return Answer(
        {"items": [render(portal, item, select) for item in shown]},
        total=total,
        next=following if following < total and shown else None,
    )


def readable(call: Call, store: ItemStore, item_id: int) -> Item:
    """Return an item that the caller may read.

    :raises RestError: ``NOT_FOUND`` or ``ACCESS_DENIED``.
    """
    item = store.get(item_id)
    if item is None:
        raise RestError("NOT_FOUND", "Item was not found")
    if not may_read(call.identity.user, item):
        raise RestError("ACCESS_DENIED", "You do not have permission to view this item")
    return item


def _select(raw: dict[str, Any]) -> tuple[str, ...] | None:
    """Return the fields to show; ``None`` for all. The id is always among them."""
    names = [canonical(php.to_str(name)) or php.to_str(name) for name in raw.values()]
    if not names or "*" in names:
        return None
    return ("id", *(name for name in names if name != "id"))


def _needs_sorting(order: list[tuple[str, bool]]) -> bool:
    return bool(order) and order[0][0] != "id"


def _candidates(store: ItemStore, tests: list[Test], order: list[tuple[str, bool]]) -> Iterator[Item]:
    """Iterate over the items that can pass, in order of id; uses the store's indexes for filters by id."""
    descending = bool(order) and order[0] == ("id", True)
    behind = 0
    for test in tests:
        if test.field != "id":
            continue
        if test.operator in ("", "=", "@"):
            wanted = sorted({php.to_int(value) for value in test.values}, reverse=descending)
            return (item for item_id in wanted if (item := store.get(item_id)) is not None)
        if test.operator in (">", ">="):
            behind = max(behind, php.to_int(test.operand) - (test.operator == ">="))
    if not descending:
        return store.after(behind)
    return (item for item in store.descending() if item.id > behind)
