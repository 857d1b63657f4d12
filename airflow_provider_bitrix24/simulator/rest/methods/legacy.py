"""``crm.deal.*``, ``crm.lead.*``, ``crm.contact.*`` and ``crm.company.*``: the old methods.

Their fields have upper-case names, and all values are text.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.simulator import php
from airflow_provider_bitrix24.simulator.errors import RestError
from airflow_provider_bitrix24.simulator.portal import edits
from airflow_provider_bitrix24.simulator.portal.accounts import may_read, may_use_crm
from airflow_provider_bitrix24.simulator.portal.entity_types import COMPANY, CONTACT, DEAL, LEAD
from airflow_provider_bitrix24.simulator.portal.fields import fields_of
from airflow_provider_bitrix24.simulator.rest.methods.filters import parse_old_filter, parse_old_order
from airflow_provider_bitrix24.simulator.rest.methods.legacy_fields import (
    describe,
    legacy_fields,
    modern_name,
    modern_names,
)
from airflow_provider_bitrix24.simulator.rest.methods.operands import operand_for
from airflow_provider_bitrix24.simulator.rest.methods.queries import find_items
from airflow_provider_bitrix24.simulator.rest.methods.registry import MethodResult, method

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from airflow_provider_bitrix24.simulator.portal.items import ItemStore
    from airflow_provider_bitrix24.simulator.portal.model import Item
    from airflow_provider_bitrix24.simulator.rest.methods.operands import Operand
    from airflow_provider_bitrix24.simulator.rest.methods.registry import Call


def _define(type_id: int, name: str) -> None:
    """Enter the methods of one type into the table."""
    method(f"crm.{name}.get")(_bind(_get, type_id))
    method(f"crm.{name}.list")(_bind(_list, type_id))
    method(f"crm.{name}.add")(_bind(_add, type_id))
    method(f"crm.{name}.update")(_bind(_update, type_id))
    method(f"crm.{name}.delete")(_bind(_delete, type_id))
    method(f"crm.{name}.fields")(_bind(_fields, type_id))


def _bind(run: Callable[[Call, int], Any], type_id: int) -> Callable[[Call], Any]:
    return lambda call: run(call, type_id)


def _get(call: Call, type_id: int) -> Any:
    return legacy_fields(call.portal, _item(call, type_id), None)


def _list(call: Call, type_id: int) -> Any:
    _need_crm(call)
    params, portal = call.upper(), call.portal

    def known(name: str) -> str | None:
        return modern_name(type_id, name.upper())

    def operand(name: str, value: Any) -> Operand:
        return operand_for(portal, fields_of(type_id).get(name), value)

    conditions = parse_old_filter(_array(params, "FILTER"), known, operand)
    order = parse_old_order(_array(params, "ORDER"), known)
    select = [php.to_str(name).upper() for name in _array(params, "SELECT").values()]
    found, total = find_items(call, _store(call, type_id), conditions, order)
    rows = [legacy_fields(portal, item, select or ["*", "UF_*"]) for item in found]
    return MethodResult(rows, total=0) if total is None else MethodResult.of_page(rows, call, len(found), total)


def _add(call: Call, type_id: int) -> Generator[float, None, Any]:
    _need_crm(call)
    fields = _new_fields(call, type_id, updating=False)
    with _legacy_errors():
        item, robots = edits.create(call.portal, call.identity.user, type_id, fields)
    if robots is not None:
        yield from robots
    return item.id


def _update(call: Call, type_id: int) -> Generator[float, None, Any]:
    item, fields = _item(call, type_id), _new_fields(call, type_id, updating=True)
    with _legacy_errors():
        robots = edits.update(call.portal, call.identity.user, item, fields)
    if robots is not None:
        yield from robots
    return True


def _delete(call: Call, type_id: int) -> Any:
    item = _item(call, type_id)
    with _legacy_errors():
        edits.delete(call.portal, call.identity.user, item)
    return True


@contextmanager
def _legacy_errors() -> Iterator[None]:
    """Turn refusals into those of the old methods: an empty code and English words."""
    try:
        yield
    except RestError as error:
        denied = error.code == "ACCESS_DENIED"
        raise RestError("", "Access denied." if denied else error.description) from error


def _fields(call: Call, type_id: int) -> Any:
    _need_crm(call)
    return describe(call.portal, type_id)


def _item(call: Call, type_id: int) -> Item:
    _need_crm(call)
    item_id = php.to_int(call.upper().get("ID"))
    if item_id <= 0:
        raise RestError("", "ID is not defined or invalid.")
    item = _store(call, type_id).get(item_id)
    if item is None:
        raise RestError("", "Not found")
    if not may_read(call.identity.user, item):
        raise RestError("", "Access denied.")
    return item


def _new_fields(call: Call, type_id: int, *, updating: bool) -> dict[str, Any]:
    fields = call.upper().get("FIELDS")
    if not isinstance(fields, (dict, list)):
        raise RestError("", "Parameter 'fields' must be array.")
    return modern_names(type_id, dict(php.array_items(fields)), updating=updating)


def _store(call: Call, type_id: int) -> ItemStore:
    return call.portal.items[type_id]


def _need_crm(call: Call) -> None:
    if not may_use_crm(call.identity.user):
        raise RestError("", "Access denied.")


def _array(params: dict[str, Any], name: str) -> dict[str, Any]:
    return dict(php.array_items(params.get(name)))


_define(DEAL, "deal")
_define(LEAD, "lead")
_define(CONTACT, "contact")
_define(COMPANY, "company")
