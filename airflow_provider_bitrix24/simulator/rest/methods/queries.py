"""Finds items by filter and order, by the store's indexes where the filter allows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.simulator import php
from airflow_provider_bitrix24.simulator.portal.accounts import may_read
from airflow_provider_bitrix24.simulator.rest.methods.filters import holds, page, sort_rows
from airflow_provider_bitrix24.simulator.rest.methods.item_fields import field_value
from airflow_provider_bitrix24.simulator.rest.methods.registry import PAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from airflow_provider_bitrix24.simulator.portal import Portal
    from airflow_provider_bitrix24.simulator.portal.items import ItemStore
    from airflow_provider_bitrix24.simulator.portal.model import Item
    from airflow_provider_bitrix24.simulator.rest.methods.filters import Criterion
    from airflow_provider_bitrix24.simulator.rest.methods.registry import Call

    Value = Callable[[Portal, Item, str], Any]


def find_items(
    call: Call,
    store: ItemStore,
    criteria: list[Criterion],
    order: list[tuple[str, bool]],
    offset: int,
    *,
    counting: bool,
    value: Value = field_value,
    id_field: str = "id",
) -> tuple[list[Item], int | None]:
    """One page of items and, when `counting`, the number of all items found.

    :param offset: rows before the page.
    :param value: returns the value of a field for criteria and order.
    :param id_field: its name of the id.
    """
    user, portal = call.identity.user, call.portal
    sorting = bool(order) and order[0][0] != id_field
    rows: Iterable[Item] = _candidates(store, criteria, order, id_field)
    if not user.is_admin:
        rows = (item for item in rows if may_read(user, item))
    if remaining := _beyond_index(criteria, id_field):
        rows = (item for item in rows if all(holds(each, value(portal, item, each.field)) for each in remaining))
    if sorting:
        rows = sort_rows(list(rows), order, lambda item, field: value(portal, item, field))
    if not counting:
        return page(rows, offset, PAGE), None
    if not criteria and not sorting and user.is_admin:
        return page(rows, offset, PAGE), len(store)
    everything = list(rows)
    return everything[offset : offset + PAGE], len(everything)


def _beyond_index(criteria: list[Criterion], id_field: str) -> list[Criterion]:
    """The criteria that :func:`_candidates` leaves to be checked."""
    remaining = [criterion for criterion in criteria if not _is_id_set(criterion, id_field)]
    only_one_id_set = len(criteria) - len(remaining) <= 1
    return remaining if only_one_id_set else criteria


def _is_id_set(criterion: Criterion, id_field: str) -> bool:
    return criterion.field == id_field and criterion.operator in ("", "=", "@")


def _candidates(
    store: ItemStore, criteria: list[Criterion], order: list[tuple[str, bool]], id_field: str
) -> Iterator[Item]:
    """Iterate in order of id over the items that can pass."""
    descending = bool(order) and order[0] == (id_field, True)
    after_id = 0
    for criterion in criteria:
        if _is_id_set(criterion, id_field):
            wanted = sorted({php.to_int(value) for value in criterion.values}, reverse=descending)
            return (item for item_id in wanted if (item := store.get(item_id)) is not None)
        if criterion.field == id_field and criterion.operator in (">", ">="):
            after_id = max(after_id, php.to_int(criterion.operand) - (criterion.operator == ">="))
    if not descending:
        return store.after(after_id)
    return (item for item in store.descending() if item.id > after_id)
