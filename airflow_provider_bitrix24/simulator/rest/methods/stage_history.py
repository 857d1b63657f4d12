"""``crm.stagehistory.list``: the stages that items have been at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow_provider_bitrix24.simulator import php
from airflow_provider_bitrix24.simulator.errors import RestError
from airflow_provider_bitrix24.simulator.portal.accounts import may_read
from airflow_provider_bitrix24.simulator.portal.entity_types import LEAD, traits
from airflow_provider_bitrix24.simulator.portal.field_types import Field
from airflow_provider_bitrix24.simulator.rest.methods import arguments
from airflow_provider_bitrix24.simulator.rest.methods.filters import Criterion, parse_filter, sort_rows
from airflow_provider_bitrix24.simulator.rest.methods.operands import operand_for
from airflow_provider_bitrix24.simulator.rest.methods.registry import PAGE, MethodResult, method

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_bitrix24.simulator.portal import Portal
    from airflow_provider_bitrix24.simulator.portal.items import ItemStore
    from airflow_provider_bitrix24.simulator.portal.model import HistoryRow, Item
    from airflow_provider_bitrix24.simulator.rest.methods.filters import Condition
    from airflow_provider_bitrix24.simulator.rest.methods.operands import Operand
    from airflow_provider_bitrix24.simulator.rest.methods.registry import Call

_COMMON = ("ID", "TYPE_ID", "OWNER_ID", "CREATED_TIME")
_MOMENT: Final = Field(name="CREATED_TIME", type="datetime")
_NUMBER: Final = Field(name="ID", type="integer")
_NUMBERS: Final = frozenset({"ID", "TYPE_ID", "OWNER_ID", "CATEGORY_ID"})


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
    conditions = parse_filter(
        arguments.array(call, "filter"), names.get, lambda name, value: _operand(call.portal, name, value)
    )
    select = [php.to_str(name) for name in arguments.array(call, "select").values()]
    shown = [name for name in select if name in names] or list(names)
    if "ID" not in shown:
        shown.append("ID")

    portal = call.portal
    rows = _passing(call, store, _candidates(portal, type_id, conditions), conditions)
    sort_rows(rows, order or [("ID", False)], lambda row, field: _value(portal, row, field))
    page = [{name: _value(portal, row, name) for name in shown} for row in rows[call.offset : call.offset + PAGE]]
    if not call.counting:
        return MethodResult({"items": page})
    return MethodResult.of_page({"items": page}, call, len(page), len(rows))


def _operand(portal: Portal, name: str, value: Any) -> Operand:
    if name != "CREATED_TIME":
        return operand_for(portal, _NUMBER if name in _NUMBERS else None, value)
    for each in php.array_values(value):
        try:
            portal.clock.parse(php.to_str(each))
        except (ValueError, OverflowError):
            raise RestError("WRONG_DATETIME_FORMAT", "Wrong datetime format") from None
    return operand_for(portal, _MOMENT, value)


def _candidates(portal: Portal, type_id: int, conditions: list[Condition]) -> Sequence[HistoryRow]:
    """The rows that can pass, found by an index where the filter names owners or a first id."""
    history = portal.history
    criteria = [each for each in conditions if isinstance(each, Criterion)]
    for criterion in criteria:
        if criterion.field == "OWNER_ID" and criterion.operator in ("", "=", "@"):
            owners = sorted({php.to_int(value) for value in criterion.operand.values})
            return [row for owner in owners for row in history.of_owner(type_id, owner)]
    rows = history.of_type(type_id)
    for criterion in criteria:
        if criterion.field == "ID" and criterion.operator == ">":
            return history.after(rows, php.to_int(criterion.operand.first))
    return rows


def _passing(call: Call, store: ItemStore, rows: Sequence[HistoryRow], conditions: list[Condition]) -> list[HistoryRow]:
    portal, user = call.portal, call.identity.user
    passed = [row for row in rows if _passes(portal, row, conditions)]
    if portal.settings.stage_history == "present pipeline":
        passed = [row for row in passed if (item := store.get(row.owner_id)) is None or _is_present(row, item)]
    if user.is_admin:
        return passed
    return [row for row in passed if (item := store.get(row.owner_id)) is not None and may_read(user, item)]


def _passes(portal: Portal, row: HistoryRow, conditions: list[Condition]) -> bool:
    def actual(name: str) -> Any:
        return _value(portal, row, name)

    return all(each.holds(actual) for each in conditions)


def _is_present(row: HistoryRow, item: Item) -> bool:
    return row.category_id == item.category_id


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
