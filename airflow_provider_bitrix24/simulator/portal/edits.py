"""Creates and changes items for a user, as REST methods do; unlike a trigger, with all checks.

Fields have their names in ``crm.item.*``; unknown fields are ignored, as by the portal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow_provider_bitrix24.simulator import php
from airflow_provider_bitrix24.simulator.errors import RestError
from airflow_provider_bitrix24.simulator.portal.accounts import may_create, may_update
from airflow_provider_bitrix24.simulator.portal.automation import run_robots

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_bitrix24.simulator.portal.model import Item, Pipeline, Stage, User
    from airflow_provider_bitrix24.simulator.portal.state import Portal

_TEXTS: Final = {"title": "title"}
_NUMBERS: Final = {"assignedById": "assigned_by", "contactId": "contact_id", "companyId": "company_id"}
_USER_FIELDS: Final = ("uf", "parentid")
_EXTRA: Final = frozenset(
    {"opened", "currencyId", "xmlId", "comments", "sourceId", "sourceDescription", "originId", "originatorId"}
)


def create(portal: Portal, user: User, type_id: int, fields: dict[str, Any]) -> tuple[Item, Iterator[float] | None]:
    """Create an item, and return it with the robots of its stage.

    :raises RestError: when the user may not, or the type has no such stage or pipeline.
    """
    if not may_create(user, type_id):
        raise RestError("ACCESS_DENIED", "Access denied")
    category = fields.get("categoryId")
    try:
        item = portal.add_item(
            type_id,
            stage=php.to_str(fields.get("stageId")),
            category=None if category is None else php.to_int(category),
            moved_by=user.id,
        )
    except ValueError as error:
        raise _invalid_stage() from error
    _write(item, fields)
    return item, run_robots(portal, item)


def update(portal: Portal, user: User, item: Item, fields: dict[str, Any]) -> Iterator[float] | None:
    """Change an item, and return the robots of its new stage; without a difference nothing is saved.

    :raises RestError: when the user may not, a handler refuses, or the type has no such stage or pipeline.
    """
    if not may_update(user, item):
        raise RestError("ACCESS_DENIED", "Access denied")
    pipeline, stage = _destination(portal, item, fields)
    moves = (pipeline.id, stage.id) != (item.category_id, item.stage_id)
    if moves and (item.type_id, stage.id) in portal.vetoes:
        raise RestError("", "The update was refused by a handler")
    changed = _write(item, fields)
    if moves:
        portal.place(item, pipeline.id, stage, moved_by=user.id)
        return run_robots(portal, item)
    if changed:
        item.updated_time = portal.clock.now()
        portal.events.updated(item, item.updated_time)
    return None


def delete(portal: Portal, user: User, item: Item) -> None:
    """Delete an item; its history stays.

    :raises RestError: when the user may not.
    """
    if not may_update(user, item):
        raise RestError("ACCESS_DENIED", "Access denied")
    portal.items[item.type_id].remove(item.id)


def _destination(portal: Portal, item: Item, fields: dict[str, Any]) -> tuple[Pipeline, Stage]:
    category = fields.get("categoryId")
    category_id = item.category_id if category is None else php.to_int(category)
    pipeline = portal.pipelines.get((item.type_id, category_id))
    if pipeline is None:
        raise _invalid_stage()
    wanted = fields.get("stageId")
    if wanted is not None:
        stage = pipeline.stage(php.to_str(wanted))
    elif category_id != item.category_id:
        stage = pipeline.stages[0]
    else:
        stage = pipeline.stage(item.stage_id)
    if stage is None:
        raise _invalid_stage()
    return pipeline, stage


def _invalid_stage() -> RestError:
    return RestError("CRM_FIELD_ERROR_VALUE_NOT_VALID", 'Invalid value for field: "Stage"')


def _write(item: Item, fields: dict[str, Any]) -> bool:
    changed = False
    for name, value in fields.items():
        if name in _TEXTS:
            changed |= _set(item, _TEXTS[name], php.to_str(value))
        elif name in _NUMBERS:
            changed |= _set(item, _NUMBERS[name], php.to_int(value))
        elif name == "opportunity":
            changed |= _set(item, name, float(value) if php.is_numeric(value) else 0.0)
        elif name in _EXTRA or name.lower().startswith(_USER_FIELDS):
            changed |= item.extra.get(name) != value
            item.extra[name] = value
    return changed


def _set(item: Item, attribute: str, value: Any) -> bool:
    if getattr(item, attribute) == value:
        return False
    setattr(item, attribute, value)
    return True
