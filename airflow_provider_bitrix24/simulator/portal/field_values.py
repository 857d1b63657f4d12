"""Reads the fields of an item, and writes them as the portal converts what it is sent.

Values that every item has are attributes of :class:`.model.Item`; the others are in `extra`, under their names in
``crm.item.*``.
"""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_bitrix24.simulator import php
from airflow_provider_bitrix24.simulator.portal.field_types import NUMBERS, Field
from airflow_provider_bitrix24.simulator.portal.multifields import has_kind, merge

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_bitrix24.simulator.portal.model import Item
    from airflow_provider_bitrix24.simulator.portal.state import Portal

    Read = Callable[[Portal, Item], Any]

_DAY: Final = 24 * 3600
_WEEK: Final = 7 * _DAY
_DATE_FORMATS: Final = ("%d.%m.%Y", "%m/%d/%Y")
_TRUE: Final = ("Y", "y", "true")
"""Texts that are a yes; everything else but JSON's true is a no, also 1."""


def semantics(portal: Portal, item: Item) -> str:
    """``"P"`` in process, ``"S"`` success, ``"F"`` failure."""
    pipeline = portal.pipelines.get((item.type_id, item.category_id))
    stage = pipeline.stage(item.stage_id) if pipeline else None
    return (stage.semantics if stage else None) or "P"


def read(portal: Portal, item: Item, field: Field) -> Any:
    """A field's value as ``crm.item.*`` shows it."""
    reader = _READ.get(field.name)
    return reader(portal, item) if reader is not None else item.extra.get(field.name, field.default)


def convert(portal: Portal, field: Field, value: Any) -> Any:
    """What the portal makes of a value that a field is sent.

    :raises ValueError: when the type of the field has no such value.
    :raises TypeError: when the field takes several values and was not sent an array.
    """
    if field.type == "crm_multifield":
        return value
    if not field.is_multiple:
        return _single(portal, field, value)
    if not isinstance(value, (dict, list)):
        raise TypeError(field.name)
    values = [_single(portal, field, each) for each in php.array_values(value)]
    return [each for each in values if each]


def convert_user_field(value: Any) -> Any:
    """A value of a user field; several values are a list, also those of a form or of a batch's command."""
    return php.encode_array(value) if isinstance(value, dict) else value


def store(portal: Portal, item: Item, field: Field, value: Any) -> bool:
    """Give a field a value that :func:`convert` returned; returns whether that changes it."""
    name = field.name
    if field.type == "crm_multifield":
        value = merge(item.extra.get(name, []), value, portal.next_multifield_id)
    before = read(portal, item, field)
    attribute = _ATTRIBUTES.get(name)
    if attribute is not None:
        setattr(item, attribute, value)
    else:
        item.extra[name] = value
    if name == "contactIds":
        item.contact_id = value[0] if value else 0
    elif name == "contactId":
        item.extra.pop("contactIds", None)
    return bool(before != read(portal, item, field))


def day(portal: Portal, text: str) -> str:
    """A date as the portal shows it: midnight UTC with the portal's own offset.

    :raises ValueError: when `text` is not a date.
    """
    parsed = _parsed_day(portal, text)
    return portal.clock.iso(datetime(parsed.year, parsed.month, parsed.day, tzinfo=UTC).timestamp())


def _parsed_day(portal: Portal, text: str) -> date:
    """The day of a date or, in the portal's time zone, of a moment."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        pass
    else:
        return date.fromisoformat(portal.clock.iso(portal.clock.parse(text))[:10]) if moment.tzinfo else moment.date()
    for each in _DATE_FORMATS:
        try:
            return datetime.strptime(text, each).date()  # noqa: DTZ007 - a day has no time zone
        except ValueError:
            continue
    raise ValueError(f"{text!r} is not a date")


def _single(portal: Portal, field: Field, value: Any) -> Any:
    if field.type in NUMBERS:
        if value in ("", None) and field.name not in _ATTRIBUTES:
            return None
        return php.to_int(value)
    if field.type == "double":
        number = float(value) if php.is_numeric(value) else 0.0
        return number if math.isfinite(number) else 0.0
    if field.type == "boolean":
        return "Y" if value is True or value in _TRUE else "N"
    if field.type in ("date", "datetime"):
        text = php.to_str(value)
        if not text:
            return None
        return day(portal, text) if field.type == "date" else portal.clock.iso(portal.clock.parse(text))
    return None if value is None and field.name != "title" else php.to_str(value)


def _number(value: float) -> float | int:
    return int(value) if value == int(value) else value


_ATTRIBUTES: Final = {
    "title": "title",
    "assignedById": "assigned_by",
    "contactId": "contact_id",
    "companyId": "company_id",
    "opportunity": "opportunity",
}
_READ: Final[dict[str, Read]] = {
    "id": lambda _, item: item.id,
    "title": lambda _, item: item.title,
    "createdBy": lambda _, item: item.created_by,
    "updatedBy": lambda _, item: item.updated_by,
    "movedBy": lambda _, item: item.moved_by,
    "createdTime": lambda portal, item: portal.clock.iso(item.created_time),
    "updatedTime": lambda portal, item: portal.clock.iso(item.updated_time),
    "movedTime": lambda portal, item: portal.clock.iso(item.moved_time),
    "lastActivityBy": lambda _, item: item.created_by,
    "lastActivityTime": lambda portal, item: portal.clock.iso(item.created_time),
    "categoryId": lambda _, item: item.category_id,
    "stageId": lambda _, item: item.stage_id,
    "stageSemanticId": semantics,
    "previousStageId": lambda _, item: item.previous_stage_id,
    "closed": lambda portal, item: "N" if semantics(portal, item) == "P" else "Y",
    "dateClosed": lambda portal, item: None if semantics(portal, item) == "P" else portal.clock.iso(item.moved_time),
    "begindate": lambda portal, item: _day_of(portal, item, "begindate", 0),
    "closedate": lambda portal, item: _day_of(portal, item, "closedate", _WEEK),
    "assignedById": lambda _, item: item.assigned_by,
    "contactId": lambda _, item: item.contact_id,
    "companyId": lambda _, item: item.company_id,
    "contactIds": lambda _, item: item.contact_ids,
    "companyIds": lambda _, item: item.extra.get("companyIds") or ([item.company_id] if item.company_id else []),
    "observers": lambda _, item: item.extra.get("observers", []),
    "opportunity": lambda _, item: _number(item.opportunity),
    "hasPhone": lambda _, item: has_kind(item.extra.get("fm", []), "PHONE"),
    "hasEmail": lambda _, item: has_kind(item.extra.get("fm", []), "EMAIL"),
    "fm": lambda _, item: item.extra.get("fm", []),
}


def _day_of(portal: Portal, item: Item, name: str, seconds_after_creation: int) -> str | None:
    if name in item.extra:
        stored: str | None = item.extra[name]
        return stored
    moment = item.created_time + seconds_after_creation
    return portal.clock.iso(moment - moment % _DAY)
