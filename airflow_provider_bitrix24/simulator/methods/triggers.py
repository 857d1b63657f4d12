"""``crm.automation.trigger`` and its sisters for applications."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import automation, php
from ..accounts import may_fire, may_use_crm
from ..entity_types import resolve_type
from ..errors import PhpFatalError, RestError, access_denied
from .registry import method

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .registry import Call

_NO_RIGHT = "There is no permissions to update the entity."


@method("crm.automation.trigger")
def trigger(call: Call) -> Any:
    """Fire a webhook's trigger; ``true`` means no more than "allowed and well-formed"."""
    if not may_use_crm(call.identity.user):
        raise RestError("", "Access denied.")
    target = call.params.get("target")
    if target is None:
        raise RestError("", "Target is not set.")
    type_id, entity_id = _parse_target(target)
    portal = call.portal
    store = portal.items.get(type_id)
    if not may_fire(call.identity.user, type_id, entity_id, store.get(entity_id) if store else None):
        raise access_denied(_NO_RIGHT, documented_status=400)
    steps = automation.fire(portal, type_id, entity_id, php.to_str(call.params.get("code")))
    return True if steps is None else _work(steps)


def _parse_target(target: Any) -> tuple[int, int]:
    if isinstance(target, (dict, list)):
        raise PhpFatalError("strrpos(): Argument #1 ($haystack) must be of type string, array given")
    name, underscore, number = php.to_str(target).rpartition("_")
    if not underscore:
        raise RestError("", "Incorrect target format.")
    type_id, entity_id = resolve_type(name), php.to_int(number)
    if not type_id or not entity_id:
        raise RestError("", "Target is not found.")
    return type_id, entity_id


def _work(steps: Iterator[float]) -> Iterator[Any]:
    yield from steps
    return True
