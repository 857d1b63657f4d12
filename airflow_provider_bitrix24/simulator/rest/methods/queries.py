"""Finding items by filter and order, through the store's indexes where a filter allows it."""

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
    tests: list[Criterion],
    order: list[tuple[str, bool]],
    offset: int,
    *,
    counting: bool,
    value: Value = field_value,
    id_field: str = "id",
) -> tuple[list[Item], int | None]:
    """Return one page of items and, when `counting`, how many there are in all.

    :param offset: rows before the page.
    :param value: returns the value of a field for tests and order.
    :param id_field: how that names the id.
    """
    user, portal = call.identity.user, call.portal
    sorting = bool(order) and order[0][0] != id_field
    rows: Iterable[Item] = _candidates(store, tests, order, id_field)
    if not user.is_admin:
        rows = (item for item in rows if may_read(user, item))
    remaining = [test for test in tests if not _is_id_set(test, id_field)]
    if len(remaining) != len(tests) and len(tests) - len(remaining) > 1:
        remaining = tests  # several tests of the id: only one was used as an index
    if remaining:
        rows = (item for item in rows if all(holds(test, value(portal, item, test.field)) for test in remaining))
    if sorting:
        rows = sort_rows(list(rows), order, lambda item, field: value(portal, item, field))
    if not counting:
        return page(rows, offset, PAGE), None
    if not tests and not sorting and user.is_admin:
        return page(rows, offset, PAGE), len(store)
    everything = list(rows)
    return everything[offset : offset + PAGE], len(everything)


def _is_id_set(test: Criterion, id_field: str) -> bool:
    return test.field == id_field and test.operator in ("", "=", "@")


def _candidates(
    store: ItemStore, tests: list[Criterion], order: list[tuple[str, bool]], id_field: str
) -> Iterator[Item]:
    """Iterate in order of id over the items that can pass."""
    descending = bool(order) and order[0] == (id_field, True)
    behind = 0
    for test in tests:
        if _is_id_set(test, id_field):
            wanted = sorted({php.to_int(value) for value in test.values}, reverse=descending)
            return (item for item_id in wanted if (item := store.get(item_id)) is not None)
        if test.field == id_field and test.operator in (">", ">="):
            behind = max(behind, php.to_int(test.operand) - (test.operator == ">="))
    if not descending:
        return store.after(behind)
    return (item for item in store.descending() if item.id > behind)
