"""``crm.stagehistory.list``: which stages an item has been through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import php
from ..accounts import may_read
from ..entity_types import LEAD, traits
from ..errors import RestError
from . import arguments
from .filters import holds, parse_filter, parse_order, sort_rows
from .registry import PAGE, Answer, method

if TYPE_CHECKING:
    from ..history import HistoryRow
    from ..portal import Portal
    from .registry import Call

_COMMON = ("ID", "TYPE_ID", "OWNER_ID", "CREATED_TIME")


@method("crm.stagehistory.list")
def list_history(call: Call) -> Any:
    """Return a page of history rows of one entity type."""
    type_id = arguments.integer(call, "entityTypeId")
    store = call.portal.items.get(type_id)
    if store is None or not traits(type_id).has_moved_time:
        raise RestError("ENTITY_TYPE_NOT_SUPPORTED", f"Entity type {type_id} is not supported")
    names = _names(type_id)
    known = {name.upper(): name for name in names}
    tests = parse_filter(arguments.array(call, "filter"), lambda name: known.get(name.upper()))
    order = parse_order(arguments.array(call, "order"), lambda name: known.get(name.upper()))
    select = [known.get(php.to_str(name).upper()) for name in arguments.array(call, "select").values()]
    shown = [name for name in select if name] if select and "*" not in select else list(names)

    portal, history = call.portal, call.portal.history
    rows = history.of_type(type_id)
    for test in tests:
        if test.field == "OWNER_ID" and test.operator in ("", "=", "@"):
            owners = sorted(php.to_int(value) for value in test.values)
            rows = [row for owner in owners for row in history.of_owner(type_id, owner)]
            break
    else:
        for test in tests:
            if test.field == "ID" and test.operator == ">":
                rows = history.behind(rows, php.to_int(test.operand))
    user = call.identity.user
    passed = [
        row
        for row in rows
        if all(holds(test, _value(portal, row, test.field)) for test in tests)
        and (user.is_admin or ((item := store.get(row.owner_id)) is not None and may_read(user, item)))
    ]
    sort_rows(passed, order or [("ID", False)], lambda row, field: _value(portal, row, field))

    counting = call.start >= 0
    offset = call.start - call.start % PAGE if counting else 0
    page = [
        {name: _value(portal, row, name) for name in shown} for row in passed[offset : offset + PAGE]
    ]
    if not counting:
        return Answer({"items": page})
    following = offset + len(page)
    return Answer(
        {"items": page}, total=len(passed), next=following if page and following < len(passed) else None
    )


def _names(type_id: int) -> tuple[str, ...]:
    if type_id == LEAD:
        return (*_COMMON, "STATUS_SEMANTIC_ID", "STATUS_ID")
    return (*_COMMON, "CATEGORY_ID", "STAGE_SEMANTIC_ID", "STAGE_ID")


def _value(portal: Portal, row: HistoryRow, name: str) -> Any:
    match name:
        case "ID":
            return row.id
        case "TYPE_ID":
            return int(row.kind)
        case "OWNER_ID":
            return row.owner_id
        case "CREATED_TIME":
            return portal.clock.iso(row.time)
        case "CATEGORY_ID":
            return row.category_id
        case "STAGE_SEMANTIC_ID" | "STATUS_SEMANTIC_ID":
            return row.semantics
        case _:
            return row.stage_id
