"""``crm.stagehistory.list``: the stages that items have been at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.simulator import php
from airflow_provider_bitrix24.simulator.portal.accounts import may_read
from airflow_provider_bitrix24.simulator.portal.entity_types import LEAD, traits
from airflow_provider_bitrix24.simulator.rest.methods import arguments
from airflow_provider_bitrix24.simulator.rest.methods.filters import holds, parse_filter, sort_rows
from airflow_provider_bitrix24.simulator.rest.methods.registry import PAGE, MethodResult, method

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_bitrix24.simulator.portal import Portal
    from airflow_provider_bitrix24.simulator.portal.items import ItemStore
    from airflow_provider_bitrix24.simulator.portal.model import HistoryRow
    from airflow_provider_bitrix24.simulator.rest.methods.filters import Criterion
    from airflow_provider_bitrix24.simulator.rest.methods.registry import Call

_COMMON = ("ID", "TYPE_ID", "OWNER_ID", "CREATED_TIME")


@method("crm.stagehistory.list")
def list_history(call: Call) -> Any:
    """A page of history rows of one entity type.

    Filters can only name the fields of a row, spelled exactly. An order by anything else is ignored, and so is a
    selection without any known field. The id is always among the fields.
    """
    type_id = arguments.integer(call, "entityTypeId")
    store = call.portal.items.get(type_id)
    if store is None or not traits(type_id).has_moved_time:
        raise arguments.type_not_supported(type_id)
    names = {name: name for name in _names(type_id)}
    raw_order = arguments.array(call, "order")
    order = [(name, php.to_str(way).upper() == "DESC") for name, way in raw_order.items() if name in names]
    criteria = parse_filter(arguments.array(call, "filter"), names.get, call.portal.clock)
    select = [php.to_str(name) for name in arguments.array(call, "select").values()]
    shown = [name for name in select if name in names] or list(names)
    if "ID" not in shown:
        shown.append("ID")

    portal = call.portal
    rows = _passing(call, store, _candidates(portal, type_id, criteria), criteria)
    sort_rows(rows, order or [("ID", False)], lambda row, field: _value(portal, row, field))
    counting = call.start >= 0
    offset = call.start - call.start % PAGE if counting else 0
    page = [{name: _value(portal, row, name) for name in shown} for row in rows[offset : offset + PAGE]]
    if not counting:
        return MethodResult({"items": page})
    following = offset + len(page)
    return MethodResult({"items": page}, total=len(rows), next=following if page and following < len(rows) else None)


def _candidates(portal: Portal, type_id: int, criteria: list[Criterion]) -> Sequence[HistoryRow]:
    """The rows that can pass, found by an index where the filter names owners or a first id."""
    history = portal.history
    for criterion in criteria:
        if criterion.field == "OWNER_ID" and criterion.operator in ("", "=", "@"):
            owners = sorted({php.to_int(value) for value in criterion.values})
            return [row for owner in owners for row in history.of_owner(type_id, owner)]
    rows = history.of_type(type_id)
    for criterion in criteria:
        if criterion.field == "ID" and criterion.operator == ">":
            return history.after(rows, php.to_int(criterion.operand))
    return rows


def _passing(call: Call, store: ItemStore, rows: Sequence[HistoryRow], criteria: list[Criterion]) -> list[HistoryRow]:
    portal, user = call.portal, call.identity.user
    passed = [
        row for row in rows if all(holds(criterion, _value(portal, row, criterion.field)) for criterion in criteria)
    ]
    if user.is_admin:
        return passed
    return [row for row in passed if (item := store.get(row.owner_id)) is not None and may_read(user, item)]


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
