"""The fields of an item as ``crm.item.*`` names, describes and shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.simulator.portal.entity_types import COMPANY
from airflow_provider_bitrix24.simulator.portal.field_names import camel_name, is_user_field, upper_name
from airflow_provider_bitrix24.simulator.portal.field_values import read
from airflow_provider_bitrix24.simulator.portal.fields import fields_of, find_field, status_type

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_bitrix24.simulator.portal import Portal
    from airflow_provider_bitrix24.simulator.portal.field_types import Field
    from airflow_provider_bitrix24.simulator.portal.model import Item

_NOT_SELECTED = "fm"
"""Shown with all fields, but never selected or filtered by its name."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What a response shows of each item.

    :param names: canonical names; ``None`` for all fields.
    :param original_names: spell user fields ``UF_CRM_1`` instead of ``ufCrm_1``.
    """

    names: tuple[str, ...] | None = None
    original_names: bool = False


def canonical(type_id: int, name: str) -> str | None:
    """A field's name as responses spell it, ``None`` for a name that items of this type do not have.

    Every name of a user field is taken to exist.
    """
    field = find_field(type_id, name)
    if field is not None:
        return field.name
    return camel_name(name) if is_user_field(name) else None


def comparable(type_id: int, name: str) -> str | None:
    """The canonical name of a field that filters and orders can use."""
    found = canonical(type_id, name)
    return None if found == _NOT_SELECTED else found


def selected(type_id: int, names: Iterable[str], *, original_names: bool) -> Selection:
    """The selection that a list of names means; what is unknown shows nothing."""
    wanted = [name if name == "*" else canonical(type_id, name) for name in names]
    if "*" in wanted:
        return Selection(None, original_names)
    return Selection(tuple(name for name in wanted if name and name != _NOT_SELECTED), original_names)


def field_value(portal: Portal, item: Item, name: str) -> Any:
    """The value by which a field is filtered and sorted."""
    field = fields_of(item.type_id).get(name)
    return read(portal, item, field) if field is not None else item.extra.get(name, "")


def render(portal: Portal, item: Item, selection: Selection) -> dict[str, Any] | list[Any]:
    """An item as ``crm.item.get`` and ``crm.item.list`` show it; PHP writes one without fields as a list."""
    known = fields_of(item.type_id)
    user_fields = portal.user_fields.get(item.type_id, {})
    if selection.names is None:
        names = [name for name, field in known.items() if field.is_modern] + list(_user_fields(item, user_fields))
        shown = {name: _shown(portal, item, known.get(name), name) for name in names} | {"entityTypeId": item.type_id}
    else:
        shown = {
            name: _shown(portal, item, known.get(name), name)
            for name in selection.names
            if name in known or name in user_fields or name in item.extra
        }
    if selection.original_names:
        shown = {upper_name(name) if is_user_field(name) else name: value for name, value in shown.items()}
    return shown or []


def describe(portal: Portal, type_id: int, *, original_names: bool) -> dict[str, Any]:
    """The fields of a type as ``crm.item.fields`` describes them."""
    described = {
        name: describe_field(field, type_id) | {"upperName": upper_name(name)}
        for name, field in fields_of(type_id).items()
        if field.is_modern and not field.is_disabled
    }
    for name in portal.user_fields.get(type_id, {}):
        shown = upper_name(name) if original_names else name
        described[shown] = describe_user_field(name) | {"upperName": upper_name(name)}
    return described


def describe_field(field: Field, type_id: int) -> dict[str, Any]:
    """One field, without what ``crm.item.fields`` adds."""
    described: dict[str, Any] = {
        "type": field.type,
        "isRequired": field.is_required,
        "isReadOnly": field.is_read_only,
        "isImmutable": False,
        "isMultiple": field.is_multiple,
        "isDynamic": False,
        "title": field.title,
    }
    if field.is_deprecated:
        described["isDeprecated"] = True
    if dictionary := status_type(field, type_id, 0):
        described["statusType"] = dictionary
    if field.type == "crm_company" and not field.is_multiple:
        described["settings"] = {"parentEntityTypeId": COMPANY}
    return described


def describe_user_field(name: str) -> dict[str, Any]:
    """One user field; the simulator knows no types of them."""
    return {
        "type": "crm_entity" if name.startswith("parentId") else "string",
        "isRequired": False,
        "isReadOnly": False,
        "isImmutable": False,
        "isMultiple": False,
        "isDynamic": not name.startswith("parentId"),
        "title": upper_name(name),
    }


def _shown(portal: Portal, item: Item, field: Field | None, name: str) -> Any:
    return read(portal, item, field) if field is not None else item.extra.get(name)


def _user_fields(item: Item, of_type: Iterable[str]) -> dict[str, None]:
    """The user fields of a type, and those that a seed gave to this item alone."""
    known = fields_of(item.type_id)
    return dict.fromkeys(of_type) | {name: None for name in item.extra if name not in known}
