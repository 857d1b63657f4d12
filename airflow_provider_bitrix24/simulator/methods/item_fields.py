"""How an item's fields are named and shown by ``crm.item.*``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ..entity_types import DEAL, LEAD, QUOTE, traits

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..model import Item
    from ..portal import Portal

_READ: Final[dict[str, Callable[[Portal, Item], Any]]] = {
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
    "previousStageId": lambda _, item: item.previous_stage_id,
    "closed": lambda portal, item: _closed(portal, item),
    "assignedById": lambda _, item: item.assigned_by,
    "contactId": lambda _, item: item.contact_id,
    "companyId": lambda _, item: item.company_id,
    "opportunity": lambda _, item: _number(item.opportunity),
    "currencyId": lambda _, item: item.extra.get("currencyId", "USD"),
    "entityTypeId": lambda _, item: item.type_id,
}
FIELDS: Final = tuple(_READ)
_CANONICAL: Final = {name.lower(): name for name in FIELDS}


def canonical(name: str) -> str | None:
    """Return a field's name as answers spell it; both ``stageId`` and ``STAGE_ID`` are understood."""
    if name in _READ:
        return name
    found = _CANONICAL.get(name.replace("_", "").lower())
    if found is not None:
        return found
    return name if name.lower().startswith(("uf", "parentid")) or name == "*" else None


def field_value(portal: Portal, item: Item, name: str) -> Any:
    """Return the value by which a field is filtered and sorted."""
    read = _READ.get(name)
    return read(portal, item) if read else item.extra.get(name, "")


def shown_fields(type_id: int) -> tuple[str, ...]:
    """Return the fields that items of a type have; unknown ones are left out of answers without a word."""
    kind = traits(type_id)
    hidden = set()
    if not kind.has_pipelines:
        hidden.add("categoryId")
    if not kind.has_previous_stage:
        hidden.add("previousStageId")
    if not kind.has_moved_time:
        hidden |= {"movedTime", "movedBy"}
    if type_id not in (LEAD, DEAL, QUOTE):
        hidden.add("closed")
    return tuple(name for name in FIELDS if name not in hidden)


_SHOWN: Final[dict[int, tuple[str, ...]]] = {}


def render(portal: Portal, item: Item, select: tuple[str, ...] | None = None) -> dict[str, Any]:
    """Return an item as ``crm.item.get`` and ``crm.item.list`` show it."""
    shown = _SHOWN.get(item.type_id) or _SHOWN.setdefault(item.type_id, shown_fields(item.type_id))
    if select is None:
        return {name: _READ[name](portal, item) for name in shown} | item.extra
    fields = {name: _READ[name](portal, item) for name in select if name in shown}
    if item.extra:
        fields |= {name: item.extra[name] for name in select if name in item.extra}
    return fields


def _closed(portal: Portal, item: Item) -> str:
    pipeline = portal.pipelines.get((item.type_id, item.category_id))
    stage = pipeline.stage(item.stage_id) if pipeline else None
    return "Y" if stage is not None and stage.semantics else "N"


def _number(value: float) -> float | int:
    return int(value) if value == int(value) else value
