"""The fields of an item as the old methods name, describe and show them: upper-case names, numbers as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow_provider_bitrix24.simulator.portal.field_names import camel_name, is_user_field, upper_name
from airflow_provider_bitrix24.simulator.portal.field_values import read
from airflow_provider_bitrix24.simulator.portal.fields import fields_of, old_fields_of
from airflow_provider_bitrix24.simulator.portal.multifields import KINDS, of_kind
from airflow_provider_bitrix24.simulator.rest.methods.item_fields import describe_field, describe_user_field

if TYPE_CHECKING:
    from airflow_provider_bitrix24.simulator.portal import Portal
    from airflow_provider_bitrix24.simulator.portal.field_types import Field
    from airflow_provider_bitrix24.simulator.portal.model import Item

_TYPES: Final = {"boolean": "char", "text": "string"}
_ONLY_DESCRIBED: Final = frozenset({"CONTACT_IDS", "COMPANY_IDS"})
"""Fields that can be written, but that no item shows."""
_LINKS: Final = frozenset({"contactId", "companyId", "leadId", "quoteId"})
_MULTIFIELD: Final = {
    "type": "crm_multifield",
    "isRequired": False,
    "isReadOnly": False,
    "isImmutable": False,
    "isMultiple": True,
    "isDynamic": False,
}


def modern_name(type_id: int, name: str) -> str | None:
    """The name in ``crm.item.*`` of an upper-case name; ``None`` for a field that the old methods do not have."""
    field = old_fields_of(type_id).get(name)
    if field is not None:
        return field.name
    return camel_name(name) if is_user_field(name) else None


def legacy_fields(portal: Portal, item: Item, select: list[str] | None) -> dict[str, Any]:
    """An item as the old methods show it.

    :param select: ``None`` for everything, as a single item is shown; a list shows the id and what it names, where
        ``*`` means all but user fields and phones, ``UF_*`` all user fields.
    """
    known = old_fields_of(item.type_id)
    wanted = set(known) if select is None or "*" in select else {"ID", *select}
    fields: dict[str, Any] = {
        name: _text(field, read(portal, item, field))
        for name, field in known.items()
        if name in wanted and name not in _ONLY_DESCRIBED
    }
    for name in _user_fields(portal, item):
        upper = upper_name(name)
        if select is None or "UF_*" in select or upper in select:
            fields[upper] = item.extra.get(name)
    return fields | _multifields(item, select)


def modern_names(type_id: int, fields: dict[str, Any], *, updating: bool) -> dict[str, Any]:
    """The fields of an ``add`` or ``update`` under their names in ``crm.item.*``.

    What cannot be changed any more, such as a deal's pipeline, is left out of an update.
    """
    known = fields_of(type_id)
    renamed: dict[str, Any] = {}
    entries: list[Any] = []
    for name, value in fields.items():
        upper = name.upper()
        if upper in KINDS and "fm" in known:
            entries += [each | {"TYPE_ID": upper} for each in _dicts(value)]
            continue
        modern = modern_name(type_id, upper)
        field = known.get(modern) if modern is not None else None
        if modern is not None and not (updating and field is not None and field.is_immutable):
            renamed[modern] = value
    return renamed | ({"fm": entries} if entries else {})


def describe(portal: Portal, type_id: int) -> dict[str, Any]:
    """The fields of a type as ``crm.deal.fields`` describes them."""
    described = {}
    for name, field in old_fields_of(type_id).items():
        described[name] = describe_field(field, type_id) | {
            "type": _TYPES.get(field.type, field.type),
            "isImmutable": field.is_immutable,
        }
    if "fm" in fields_of(type_id):
        described |= {kind: _MULTIFIELD | {"title": kind} for kind in KINDS}
    for name in portal.user_fields.get(type_id, {}):
        described[upper_name(name)] = describe_user_field(name)
    return described


def _text(field: Field, value: Any) -> Any:
    """A value as the old methods write it: everything as text, and no linked entity as null."""
    if value is None and field.type in ("date", "datetime"):
        return ""
    if value is None or (value == 0 and field.name in _LINKS):
        return None
    if field.type == "double":
        return f"{value:.2f}"
    return [str(each) for each in value] if isinstance(value, list) else str(value)


def _dicts(value: Any) -> list[dict[str, Any]]:
    values = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
    return [each for each in values if isinstance(each, dict)]


def _multifields(item: Item, select: list[str] | None) -> dict[str, Any]:
    entries = item.extra.get("fm", [])
    wanted = [kind for kind in KINDS if select is None or kind in select]
    return {kind: found for kind in wanted if (found := of_kind(entries, kind))}


def _user_fields(portal: Portal, item: Item) -> dict[str, None]:
    known = fields_of(item.type_id)
    own = {name: None for name in item.extra if name not in known}
    return dict.fromkeys(portal.user_fields.get(item.type_id, {})) | own
