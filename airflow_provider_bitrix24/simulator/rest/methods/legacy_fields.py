"""The fields of an item as the old methods name and show them: upper-case names, numbers as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow_provider_bitrix24.simulator.portal.entity_types import LEAD

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_bitrix24.simulator.portal import Portal
    from airflow_provider_bitrix24.simulator.portal.model import Item

    Read = Callable[[Portal, Item], Any]


def _linked(number: int) -> str | None:
    return str(number) if number else None


def _semantics(portal: Portal, item: Item) -> str:
    stage = portal.pipelines[item.type_id, item.category_id].stage(item.stage_id)
    return (stage.semantics if stage else None) or "P"


_COMMON: Final[dict[str, Read]] = {
    "ID": lambda _, item: str(item.id),
    "TITLE": lambda _, item: item.title,
    "OPPORTUNITY": lambda _, item: f"{item.opportunity:.2f}",
    "CURRENCY_ID": lambda _, item: item.extra.get("currencyId", "USD"),
    "COMPANY_ID": lambda _, item: _linked(item.company_id),
    "CONTACT_ID": lambda _, item: _linked(item.contact_id),
    "ASSIGNED_BY_ID": lambda _, item: str(item.assigned_by),
    "CREATED_BY_ID": lambda _, item: str(item.assigned_by),
    "MODIFY_BY_ID": lambda _, item: str(item.moved_by),
    "DATE_CREATE": lambda portal, item: portal.clock.iso(item.created_time),
    "DATE_MODIFY": lambda portal, item: portal.clock.iso(item.updated_time),
    "OPENED": lambda _, item: item.extra.get("opened", "Y"),
    "COMMENTS": lambda _, item: item.extra.get("comments"),
    "SOURCE_ID": lambda _, item: item.extra.get("sourceId"),
    "ORIGINATOR_ID": lambda _, item: item.extra.get("originatorId"),
    "ORIGIN_ID": lambda _, item: item.extra.get("originId"),
    "MOVED_BY_ID": lambda _, item: str(item.moved_by),
    "MOVED_TIME": lambda portal, item: portal.clock.iso(item.moved_time),
}
_DEAL: Final[dict[str, Read]] = {
    **_COMMON,
    "TYPE_ID": lambda _, item: item.extra.get("typeId", "SALE"),
    "CATEGORY_ID": lambda _, item: str(item.category_id),
    "STAGE_ID": lambda _, item: item.stage_id,
    "STAGE_SEMANTIC_ID": _semantics,
    "CLOSED": lambda portal, item: "N" if _semantics(portal, item) == "P" else "Y",
    "PROBABILITY": lambda _, item: item.extra.get("probability"),
}
_LEAD: Final[dict[str, Read]] = {
    **_COMMON,
    "NAME": lambda _, item: item.extra.get("name"),
    "LAST_NAME": lambda _, item: item.extra.get("lastName"),
    "STATUS_ID": lambda _, item: item.stage_id,
    "STATUS_SEMANTIC_ID": _semantics,
}
_MODERN: Final = {
    "STAGE_ID": "stageId",
    "STATUS_ID": "stageId",
    "CATEGORY_ID": "categoryId",
    "TITLE": "title",
    "OPPORTUNITY": "opportunity",
    "CURRENCY_ID": "currencyId",
    "ASSIGNED_BY_ID": "assignedById",
    "CONTACT_ID": "contactId",
    "COMPANY_ID": "companyId",
    "OPENED": "opened",
    "COMMENTS": "comments",
    "SOURCE_ID": "sourceId",
    "ORIGINATOR_ID": "originatorId",
    "ORIGIN_ID": "originId",
}


def known_field(type_id: int) -> dict[str, Read]:
    """The fields of deals or leads, and how each is read."""
    return _LEAD if type_id == LEAD else _DEAL


def legacy_value(portal: Portal, item: Item, name: str) -> Any:
    """The value by which a field is filtered and sorted."""
    return known_field(item.type_id)[name](portal, item)


def legacy_fields(portal: Portal, item: Item, select: list[str] | None) -> dict[str, Any]:
    """An item as the old methods show it: all fields, or the id and those selected."""
    readers = known_field(item.type_id)
    names = readers if select is None or "*" in select else ["ID", *(n for n in select if n in readers and n != "ID")]
    fields = {name: readers[name](portal, item) for name in names}
    user_fields = {name: value for name, value in item.extra.items() if name.upper().startswith("UF_")}
    if select is None:
        return fields | user_fields
    wants_all_user_fields = "UF_*" in select
    return fields | {
        name: value for name, value in user_fields.items() if wants_all_user_fields or name.upper() in select
    }


def modern_names(type_id: int, fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of an ``add`` or ``update`` under the names of ``crm.item.*``."""
    foreign = "STAGE_ID" if type_id == LEAD else "STATUS_ID"
    return {_MODERN.get(name.upper(), name): value for name, value in fields.items() if name.upper() != foreign}
