"""Finds items by filter and order, by the store's indexes where the filter allows it."""

from __future__ import annotations

import sys
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_bitrix24.simulator import php
from airflow_provider_bitrix24.simulator.portal.accounts import may_read
from airflow_provider_bitrix24.simulator.rest.methods.filters import Criterion, page, sort_rows
from airflow_provider_bitrix24.simulator.rest.methods.item_fields import field_value
from airflow_provider_bitrix24.simulator.rest.methods.registry import PAGE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_provider_bitrix24.simulator.portal import Portal
    from airflow_provider_bitrix24.simulator.portal.items import ItemStore
    from airflow_provider_bitrix24.simulator.portal.model import Item
    from airflow_provider_bitrix24.simulator.rest.methods.filters import Condition
    from airflow_provider_bitrix24.simulator.rest.methods.registry import Call

_ID: Final = "id"
_BOUNDS: Final = frozenset((">", ">=", "<", "<="))


def find_items(
    call: Call, store: ItemStore, conditions: list[Condition], order: list[tuple[str, bool]]
) -> tuple[list[Item], int | None]:
    """One page of items and the number of all items found; ``None`` where the call wants no count."""
    user, portal = call.identity.user, call.portal
    sorting = bool(order) and order[0][0] != _ID
    rows: Iterable[Item] = _candidates(store, conditions, order)
    if not user.is_admin:
        rows = (item for item in rows if may_read(user, item))
    if remaining := _beyond_index(conditions):
        rows = (item for item in rows if _passes(portal, item, remaining))
    if sorting:
        rows = sort_rows(list(rows), order, lambda item, field: field_value(portal, item, field))
    if not call.counting:
        return page(rows, call.offset, PAGE), None
    if not conditions and not sorting and user.is_admin:
        return page(rows, call.offset, PAGE), len(store)
    everything = list(rows)
    return everything[call.offset : call.offset + PAGE], len(everything)


def _passes(portal: Portal, item: Item, conditions: list[Condition]) -> bool:
    def actual(field: str) -> Any:
        return field_value(portal, item, field)

    return all(each.holds(actual) for each in conditions)


def _beyond_index(conditions: list[Condition]) -> list[Condition]:
    """The conditions that :func:`_candidates` leaves to be checked."""
    remaining = [condition for condition in conditions if not _is_id_set(condition)]
    sets = len(conditions) - len(remaining)
    if sets == 0:
        return [condition for condition in remaining if not _is_id_bound(condition)]
    return remaining if sets == 1 else conditions


def _is_id_set(condition: Condition) -> bool:
    return isinstance(condition, Criterion) and condition.field == _ID and condition.operator in ("", "=", "@")


def _is_id_bound(condition: Condition) -> bool:
    if not isinstance(condition, Criterion) or condition.field != _ID or condition.operator not in _BOUNDS:
        return False
    return type(condition.operand.first) is int


def _candidates(store: ItemStore, conditions: list[Condition], order: list[tuple[str, bool]]) -> Iterator[Item]:
    """Iterate in order of id over the items that can pass."""
    descending = bool(order) and order[0] == (_ID, True)
    after_id, last_id = 0, sys.maxsize
    for condition in conditions:
        if not isinstance(condition, Criterion) or condition.field != _ID:
            continue
        operand = condition.operand
        if _is_id_set(condition):
            wanted = sorted({php.to_int(value) for value in operand.values}, reverse=descending)
            return (item for item_id in wanted if (item := store.get(item_id)) is not None)
        if condition.operator in (">", ">="):
            after_id = max(after_id, php.to_int(operand.first) - (condition.operator == ">="))
        elif _is_id_bound(condition):
            last_id = min(last_id, operand.first - (condition.operator == "<"))
    if not descending:
        return takewhile(lambda item: item.id <= last_id, store.after(after_id))
    return (item for item in store.descending() if after_id < item.id <= last_id)
