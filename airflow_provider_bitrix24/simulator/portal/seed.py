"""Seeds: JSON objects that fill a portal, from a file, the control API or the built-in demo.

The keys, all optional, are ``users``, ``webhooks``, ``applications``, ``pipelines``, ``triggers``, ``robots``,
``vetoes``, ``items`` and ``generate``; :func:`apply` shows their forms.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, get_type_hints

from airflow_provider_bitrix24.simulator.portal import entity_types, stages
from airflow_provider_bitrix24.simulator.portal.entity_types import split_target
from airflow_provider_bitrix24.simulator.portal.items import check_room
from airflow_provider_bitrix24.simulator.portal.model import (
    Access,
    Application,
    Condition,
    User,
)
from airflow_provider_bitrix24.simulator.validation import check, check_header

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_bitrix24.simulator.portal.state import Portal

DEMO: Final[dict[str, Any]] = {
    "applications": [
        {
            "client_id": "local.s1mulat0r",
            "client_secret": "s1mulat0rappl1cat10n",
            "triggers": {"invoice_paid": "Invoice paid"},
        }
    ],
    "triggers": [
        {"stage": "PREPARATION", "code": "c5u4m"},
        {"stage": "EXECUTING", "code": "exec"},
        {"stage": "EXECUTING", "code": "invoice_paid", "application": "local.s1mulat0r"},
        {"stage": "WON", "code": "paid"},
        {"stage": "C5:PREPARATION", "code": "c5u4m"},
        {"stage": "C5:WON", "code": "delivered"},
        {"type": "LEAD", "stage": "IN_PROCESS", "code": "c5u4m"},
        {"type": "SMART_INVOICE", "stage": "DT31_2:P", "code": "paid"},
        {"type": "DYNAMIC_177", "stage": "DT177_12:CLIENT", "code": "c5u4m"},
    ],
    "items": [
        {"target": "DEAL_57", "stage": "NEW", "title": "Coffee machines for the Berlin office", "opportunity": 12400},
        {"target": "DEAL_58", "stage": "NEW", "title": "Annual support contract", "opportunity": 8900},
        {"target": "DEAL_59", "stage": "NEW", "title": "Warehouse scanners", "opportunity": 31750},
        {"target": "DEAL_60", "stage": "PREPARATION", "title": "Migration to the cloud", "opportunity": 54000},
        {"target": "DEAL_61", "stage": "EXECUTING", "title": "Fleet tracking, phase 2", "opportunity": 22300},
        {"target": "DEAL_62", "stage": "WON", "title": "Training for the sales team", "opportunity": 4100},
        {"target": "DEAL_63", "stage": "C5:NEW", "title": "Delivery 2026/114", "opportunity": 980},
        {"target": "DEAL_64", "stage": "C5:NEW", "title": "Delivery 2026/115", "opportunity": 1430},
        {"target": "LEAD_4", "stage": "NEW", "title": "Request from the web form"},
        {"target": "QUOTE_3", "stage": "DRAFT", "title": "Quote 3"},
        {"target": "SMART_INVOICE_12", "stage": "DT31_2:N", "title": "Invoice 12", "opportunity": 5200},
        {"target": "DYNAMIC_177_5", "stage": "DT177_12:NEW", "title": "Onboarding of Example Ltd"},
    ],
}
"""The content of the command's portal when no seed file is given."""


MAX_ID: Final = 2**31 - 1
FORMS: Final[dict[str, dict[str, Any]]] = {
    "users": get_type_hints(User) | {"access": str, "denied_types": list, "denied_items": list},
    "webhooks": {"user_id": int, "secret": str, "scopes": list[str], "is_system": bool},
    "applications": get_type_hints(Application) | {"scopes": list[str]},
    "pipelines": {"type": str, "id": int, "name": str, "is_default": bool, "stages": list[list[Any]]},
    "triggers": {
        "type": str,
        "stage": str,
        "code": str,
        "conditions": dict | list,
        "allow_backwards": bool,
        "application": str,
        "execute_by": int,
    },
    "robots": {"type": str, "stage": str, "seconds": float, "move_to": str, "fails": bool},
    "vetoes": {"type": str, "stage": str},
    "items": {
        "target": str,
        "stage": str,
        "category": int,
        "title": str,
        "opportunity": float,
        "contact_id": int,
        "company_id": int,
        "assigned_by": int,
        "moved_by": int,
        "extra": dict,
    },
    "generate": {"type": str, "count": int, "stage": str, "first_id": int},
}
"""The keys of an entry of each list, and the types of their values."""


class SeedError(ValueError):
    """A seed is malformed; the message says where, and what is expected."""


def load(portal: Portal, path: Path) -> None:
    """Fill a portal from a JSON file.

    :raises SeedError: when it is not JSON, or not a seed.
    :raises OSError: when it cannot be read.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise SeedError(f"{path.name} is not valid JSON: {error}") from None
    apply(portal, data)


def apply(portal: Portal, data: Any) -> None:
    """Add the content of a seed to a portal.

    ``{"items": [{"target": "DEAL_57", "stage": "NEW", "title": ...}], "triggers": [{"stage": "PREPARATION",
    "code": "c5u4m", "type": "DEAL", "allow_backwards": false, "conditions": {"title": "x"}}], "robots":
    [{"stage": "PREPARATION", "seconds": 0.5, "move_to": "EXECUTING"}], "pipelines": [{"type": "DEAL", "id": 7,
    "name": "Retail", "stages": [["NEW", "New"], ["WON", "Won", "S"], ["LOSE", "Lost", "F"]]}], "generate":
    [{"type": "DEAL", "count": 100000, "stage": "NEW", "first_id": 1}]}``

    :raises SeedError: names the entry that is wrong.
    """
    if not isinstance(data, dict):
        raise SeedError("a seed is a JSON object")
    if unknown := set(data) - set(_ADD):
        raise SeedError(f"unknown key {', '.join(sorted(unknown))}; a seed knows {', '.join(_ADD)}")
    with portal.lock:
        for key in _ADD:
            _add_entries(portal, key, data.get(key, []))


def generate(portal: Portal, type_id: int, count: int, *, stage: str = "", first_id: int = 1) -> None:
    """Create `count` items, with ids from `first_id` on.

    :raises ValueError: for an unknown stage, an id that is taken, or more items than a portal holds.
    """
    if first_id + count > MAX_ID:
        raise ValueError(f"ids end at {MAX_ID}")
    with portal.lock:
        check_room(portal.items, count)
        category: int | None = None
        if entity_types.traits(type_id).has_stages:
            pipeline = portal.pipeline_of(stage, type_id) if stage else portal.default_pipeline(type_id)
            stage, category = stage or pipeline.stages[0].id, pipeline.id
        for item_id in range(first_id, first_id + count):
            portal.add_item(type_id, item_id, stage=stage, category=category)


def _add_entries(portal: Portal, key: str, entries: Any) -> None:
    if not isinstance(entries, list):
        raise SeedError(f"{key!r} must be a list")
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise SeedError(f"{key}[{index}] must be an object")
        try:
            check(entry, FORMS[key])
            _ADD[key](portal, dict(entry))
        except (KeyError, ValueError) as error:
            reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise SeedError(f"{key}[{index}]: {reason}") from None


def _type(entry: dict[str, Any]) -> int:
    name = entry.pop("type", "DEAL")
    type_id = entity_types.resolve_type(name)
    if not type_id:
        raise ValueError(f"{name!r} is not an entity type; write DEAL, LEAD, DYNAMIC_177 ...")
    return type_id


def _add_user(portal: Portal, entry: dict[str, Any]) -> None:
    access = entry.pop("access", "all").upper()
    if access not in Access.__members__:
        raise ValueError(f"access is one of {', '.join(Access.__members__).lower()}")
    for name, kind in (("denied_types", "type numbers"), ("denied_items", "pairs of a type number and an id")):
        given = entry.pop(name, [])
        if not isinstance(given, list) or not all(_fits_denied(name, each) for each in given):
            raise ValueError(f"{name!r} cannot be {given!r}; it is a list of {kind}")
        entry[name] = frozenset(tuple(each) if isinstance(each, list) else each for each in given)
    portal.accounts.add_user(User(entry.pop("id"), access=Access[access], **entry))


def _fits_denied(name: str, value: Any) -> bool:
    numbers = value if name == "denied_items" and isinstance(value, list) else [value]
    wanted = 2 if name == "denied_items" else 1
    return len(numbers) == wanted and all(type(each) is int for each in numbers)


def _add_webhook(portal: Portal, entry: dict[str, Any]) -> None:
    user_id, secret = entry.pop("user_id"), entry.pop("secret")
    if user_id not in portal.accounts.users:
        raise ValueError(f"there is no user {user_id}")
    scopes = frozenset(entry.pop("scopes", ("crm",)))
    portal.accounts.add_webhook(user_id, secret, scopes=scopes, **entry)


def _add_application(portal: Portal, entry: dict[str, Any]) -> None:
    scopes = frozenset(entry.pop("scopes", ("crm",)))
    triggers = dict(entry.pop("triggers", {}))  # which the portal changes, not its seed
    check_header("redirect_uri", entry.get("redirect_uri", ""))
    client_id, client_secret = entry.pop("client_id"), entry.pop("client_secret")
    portal.accounts.add_application(Application(client_id, client_secret, scopes, triggers=triggers, **entry))


def _add_pipeline(portal: Portal, entry: dict[str, Any]) -> None:
    type_id = _type(entry)
    given = entry.pop("stages", None)
    specs = stages.default_stages(type_id) if given is None else [_stage_spec(each) for each in given]
    portal.add_pipeline(stages.build_pipeline(type_id, entry.pop("id"), entry.pop("name", "Pipeline"), specs, **entry))


def _stage_spec(spec: list[Any]) -> stages.StageSpec:
    stage_id, name, semantics, color = [*spec, None, None, None, None][:4]
    if len(spec) not in range(1, 5) or semantics not in (None, "S", "F"):
        raise ValueError(f"a stage is [id, name, 'S' or 'F' or null, colour], of which the id is needed, not {spec!r}")
    return str(stage_id), str(name or stage_id), semantics, str(color or "#A8ADB4")


def _add_trigger(portal: Portal, entry: dict[str, Any]) -> None:
    type_id = _type(entry)
    conditions = entry.pop("conditions", {})
    if isinstance(conditions, list):
        conditions = [_condition(each) for each in conditions]
    portal.add_trigger(entry.pop("stage"), type_id=type_id, conditions=conditions, **entry)


def _condition(given: Any) -> Condition:
    check(given, get_type_hints(Condition))
    condition = Condition(given["field"], given["operator"], given.get("value"))
    if condition.operator == "in" and not isinstance(condition.value, list):
        raise ValueError(f"the value of 'in' is a list, not {condition.value!r}")
    return condition


def _add_robot(portal: Portal, entry: dict[str, Any]) -> None:
    type_id = _type(entry)
    portal.add_robot(entry.pop("stage"), type_id=type_id, **entry)


def _add_veto(portal: Portal, entry: dict[str, Any]) -> None:
    type_id = _type(entry)
    portal.add_veto(entry.pop("stage"), type_id=type_id)


def _add_item(portal: Portal, entry: dict[str, Any]) -> None:
    type_id, item_id = split_target(entry.pop("target"))
    portal.add_item(type_id, item_id, **entry)


def _generate(portal: Portal, entry: dict[str, Any]) -> None:
    type_id = _type(entry)
    generate(portal, type_id, entry.pop("count"), **entry)


_ADD: Final[dict[str, Callable[[Portal, dict[str, Any]], None]]] = {
    "users": _add_user,
    "webhooks": _add_webhook,
    "applications": _add_application,
    "pipelines": _add_pipeline,
    "triggers": _add_trigger,
    "robots": _add_robot,
    "vetoes": _add_veto,
    "items": _add_item,
    "generate": _generate,
}
"""How an entry of each list is added, in the order in which lists depend on each other."""
