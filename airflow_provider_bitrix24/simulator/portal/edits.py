"""Creates and changes items for a user, as REST methods do; unlike a trigger, with all checks.

Fields have their names in ``crm.item.*``; fields that are unknown or read-only are ignored, as by the portal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.simulator import php
from airflow_provider_bitrix24.simulator.errors import RestError
from airflow_provider_bitrix24.simulator.portal.accounts import may_create, may_update
from airflow_provider_bitrix24.simulator.portal.automation import run_robots
from airflow_provider_bitrix24.simulator.portal.entity_types import is_dynamic, traits
from airflow_provider_bitrix24.simulator.portal.field_names import is_user_field
from airflow_provider_bitrix24.simulator.portal.field_values import convert, convert_user_field, store
from airflow_provider_bitrix24.simulator.portal.fields import fields_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_bitrix24.simulator.portal.field_types import Field
    from airflow_provider_bitrix24.simulator.portal.model import Item, Pipeline, Stage, User
    from airflow_provider_bitrix24.simulator.portal.state import Portal

_MOVES = frozenset({"stageId", "categoryId"})


def create(portal: Portal, user: User, type_id: int, fields: dict[str, Any]) -> tuple[Item, Iterator[float] | None]:
    """Create an item, and return it with the robots of its stage.

    :raises RestError: when the user may not, a value does not fit, or the type has no such stage or pipeline.
    """
    if not may_create(user, type_id):
        raise RestError("ACCESS_DENIED", "Access denied")
    if is_dynamic(type_id) and portal.settings.smart_processes_restricted:
        raise RestError("CREATE_DYNAMIC_ITEM_RESTRICTED", "You cannot create the item due to limits of your plan")
    values = _converted(portal, type_id, fields)
    category = fields.get("categoryId")
    try:
        item = portal.add_item(
            type_id,
            stage=php.to_str(fields.get("stageId")),
            category=None if category is None else php.to_int(category),
            moved_by=user.id,
            created_by=user.id,
            updated_by=user.id,
            assigned_by=user.id,
        )
    except ValueError as error:
        raise _invalid("stageId") from error
    _store(portal, item, values)
    return item, run_robots(portal, item)


def update(portal: Portal, user: User, item: Item, fields: dict[str, Any]) -> Iterator[float] | None:
    """Change an item, and return the robots of its new stage; without a difference nothing is saved.

    :raises RestError: when the user may not, a handler refuses, a value does not fit, or the type has no such stage
        or pipeline.
    """
    if not may_update(user, item):
        raise RestError("ACCESS_DENIED", "Access denied")
    if is_dynamic(item.type_id) and portal.settings.smart_processes_restricted:
        raise RestError("UPDATE_DYNAMIC_ITEM_RESTRICTED", "You cannot change the item due to limits of your plan")
    values = _converted(portal, item.type_id, fields)
    destination = _destination(portal, item, fields)
    if destination is not None and (item.type_id, destination[1].id) in portal.vetoes:
        raise RestError("", "The update was refused by a handler")
    changed = _store(portal, item, values)
    if destination is not None:
        pipeline, stage = destination
        portal.place(item, pipeline.id, stage, moved_by=user.id)
        return run_robots(portal, item)
    if changed:
        item.updated_time, item.updated_by = portal.clock.now(), user.id
        portal.events.updated(item, item.updated_time)
    return None


def delete(portal: Portal, user: User, item: Item) -> None:
    """Delete an item and its stage history.

    :raises RestError: when the user may not.
    """
    if not may_update(user, item):
        raise RestError("ACCESS_DENIED", "Access denied")
    portal.remove(item.reference)


def _destination(portal: Portal, item: Item, fields: dict[str, Any]) -> tuple[Pipeline, Stage] | None:
    """Where the item has to move, ``None`` when it stays."""
    if not traits(item.type_id).has_stages:
        return None
    category, wanted = fields.get("categoryId"), fields.get("stageId")
    category_id = item.category_id if category is None else php.to_int(category)
    if wanted is None and category_id == item.category_id:
        return None
    pipeline = portal.pipelines.get((item.type_id, category_id))
    if pipeline is None:
        raise _invalid("categoryId")
    stage = pipeline.stages[0] if wanted is None else pipeline.stage(php.to_str(wanted))
    if stage is None:
        raise _invalid("stageId")
    stays = (pipeline.id, stage.id) == (item.category_id, item.stage_id)
    return None if stays else (pipeline, stage)


def _converted(portal: Portal, type_id: int, fields: dict[str, Any]) -> dict[str, Any]:
    """What can be stored of `fields`, as the portal converts it."""
    known = fields_of(type_id)
    values = {}
    for name, value in fields.items():
        field = known.get(name)
        if field is not None and not field.is_read_only and name not in _MOVES:
            try:
                values[name] = _convert(portal, field, value)
            except (ValueError, OverflowError):  # only dates can be wrong, and the portal ignores what is not a date
                continue
        elif field is None and is_user_field(name):
            values[name] = convert_user_field(value)
    return values


def _convert(portal: Portal, field: Field, value: Any) -> Any:
    try:
        return convert(portal, field, value)
    except TypeError:
        sent = "null" if value is None else "string"
        raise RestError("100", f"Expected iterable value for multiple field, but got {sent} instead") from None


def _store(portal: Portal, item: Item, values: dict[str, Any]) -> bool:
    known = fields_of(item.type_id)
    changed = False
    for name, value in values.items():
        field = known.get(name)
        if field is not None:
            changed |= store(portal, item, field, value)
        else:
            portal.user_fields.setdefault(item.type_id, {})[name] = None
            changed |= item.extra.get(name) != value
            item.extra[name] = value
    return changed


def _invalid(name: str) -> RestError:
    title = {"stageId": "Stage", "categoryId": "Pipeline"}.get(name, name)
    return RestError("CRM_FIELD_ERROR_VALUE_NOT_VALID", f'Invalid value for field: "{title}"')
