"""The fields of an item as ``crm.item.*`` names and shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow_provider_bitrix24.simulator.portal.entity_types import DEAL, LEAD, QUOTE, traits

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_bitrix24.simulator.portal import Portal
    from airflow_provider_bitrix24.simulator.portal.model import Item

    Read = Callable[[Portal, Item], Any]


def _semantics(portal: Portal, item: Item) -> str:
    stage = portal.pipelines[item.type_id, item.category_id].stage(item.stage_id)
    return (stage.semantics if stage else None) or "P"


def _number(value: float) -> float | int:
    return int(value) if value == int(value) else value


_READ: Final[dict[str, Read]] = {
    "id": lambda _, item: item.id,
    "xmlId": lambda _, item: item.extra.get("xmlId", ""),
    "title": lambda _, item: item.title,
    "createdBy": lambda _, item: item.assigned_by,
    "updatedBy": lambda _, item: item.moved_by,
    "movedBy": lambda _, item: item.moved_by,
    "createdTime": lambda portal, item: portal.clock.iso(item.created_time),
    "updatedTime": lambda portal, item: portal.clock.iso(item.updated_time),
    "movedTime": lambda portal, item: portal.clock.iso(item.moved_time),
    "categoryId": lambda _, item: item.category_id,
    "opened": lambda _, item: item.extra.get("opened", "Y"),
    "stageId": lambda _, item: item.stage_id,
    "stageSemanticId": _semantics,
    "previousStageId": lambda _, item: item.previous_stage_id,
    "closed": lambda portal, item: "N" if _semantics(portal, item) == "P" else "Y",
    "assignedById": lambda _, item: item.assigned_by,
    "contactId": lambda _, item: item.contact_id,
    "companyId": lambda _, item: item.company_id,
    "contactIds": lambda _, item: [item.contact_id] if item.contact_id else [],
    "observers": lambda _, item: item.extra.get("observers", []),
    "opportunity": lambda _, item: _number(item.opportunity),
    "isManualOpportunity": lambda _, item: item.extra.get("isManualOpportunity", "N"),
    "currencyId": lambda _, item: item.extra.get("currencyId", "USD"),
    "comments": lambda _, item: item.extra.get("comments"),
    "sourceId": lambda _, item: item.extra.get("sourceId"),
    "sourceDescription": lambda _, item: item.extra.get("sourceDescription"),
    "entityTypeId": lambda _, item: item.type_id,
}
FIELDS: Final = tuple(_READ)
_CANONICAL: Final = {name.lower(): name for name in FIELDS}
_USER_FIELDS: Final = ("uf", "parentid")
_SHOWN: Final[dict[int, tuple[str, ...]]] = {}


def canonical(name: str) -> str | None:
    """A field's name as responses spell it; both ``stageId`` and ``STAGE_ID`` are understood.

    ``None`` for a name that no item has. Names of user fields (``uf...``, ``parentId...``) are returned unchanged.
    """
    if name in _READ:
        return name
    found = _CANONICAL.get(name.replace("_", "").lower())
    if found is not None:
        return found
    return name if name == "*" or name.lower().replace("_", "").startswith(_USER_FIELDS) else None


def field_value(portal: Portal, item: Item, name: str) -> Any:
    """The value by which a field is filtered and sorted."""
    read = _READ.get(name)
    return read(portal, item) if read else item.extra.get(name, "")


def render(portal: Portal, item: Item, select: tuple[str, ...] | None = None) -> dict[str, Any]:
    """An item as ``crm.item.get`` and ``crm.item.list`` show it.

    Fields that the type does not have are silently left out.
    """
    shown = _SHOWN.get(item.type_id) or _SHOWN.setdefault(item.type_id, _shown_fields(item.type_id))
    if select is None:
        return {name: _READ[name](portal, item) for name in shown} | _user_fields(item)
    fields = {name: _READ[name](portal, item) for name in select if name in shown}
    if item.extra:
        user_fields = _user_fields(item)
        fields |= {name: user_fields[name] for name in select if name in user_fields}
    return fields


def _shown_fields(type_id: int) -> tuple[str, ...]:
    kind = traits(type_id)
    hidden = set()
    if not kind.has_pipelines:
        hidden.add("categoryId")
    if not kind.has_previous_stage:
        hidden.add("previousStageId")
    if not kind.has_moved_time:
        hidden |= {"movedTime", "movedBy"}
    if type_id not in (LEAD, DEAL, QUOTE):
        hidden |= {"closed", "stageSemanticId"}
    return tuple(name for name in FIELDS if name not in hidden)


def _user_fields(item: Item) -> dict[str, Any]:
    return {name: value for name, value in item.extra.items() if name not in _READ}
