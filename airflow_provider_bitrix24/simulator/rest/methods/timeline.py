"""``crm.timeline.comment.add``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.simulator import php
from airflow_provider_bitrix24.simulator.errors import RestError, missing_argument
from airflow_provider_bitrix24.simulator.portal.accounts import may_update
from airflow_provider_bitrix24.simulator.portal.entity_types import resolve_type
from airflow_provider_bitrix24.simulator.rest.methods.registry import method

if TYPE_CHECKING:
    from airflow_provider_bitrix24.simulator.rest.methods.registry import Call


@method("crm.timeline.comment.add")
def add(call: Call) -> Any:
    """Add a comment to an item's timeline and return its id; a repeated call adds another comment.

    The name `fields` must be in lower case.
    """
    fields = call.params.get("fields")
    if not isinstance(fields, dict):
        raise missing_argument("fields")
    type_id = resolve_type(php.to_str(fields.get("ENTITY_TYPE")))
    entity_id = php.to_int(fields.get("ENTITY_ID"))
    if not type_id or entity_id <= 0:
        raise RestError("INVALID_ARG_VALUE", "Invalid value of ENTITY_TYPE or ENTITY_ID")
    store = call.portal.items.get(type_id)
    item = store.get(entity_id) if store else None
    if item is None:
        raise RestError("OWNER_NOT_FOUND", "Owner was not found")
    if not may_update(call.identity.user, item):
        raise RestError("ACCESS_DENIED", "Access denied")
    comment = {
        "ID": len(call.portal.comments) + 1,
        "ENTITY_TYPE": php.to_str(fields.get("ENTITY_TYPE")).lower(),
        "ENTITY_ID": entity_id,
        "COMMENT": php.to_str(fields.get("COMMENT")),
        "AUTHOR_ID": call.identity.user.id,
        "CREATED": call.portal.clock.iso(call.portal.clock.now()),
    }
    call.portal.comments.append(comment)
    return comment["ID"]
