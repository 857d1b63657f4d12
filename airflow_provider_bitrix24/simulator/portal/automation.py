"""What a fire does: it chooses a trigger, moves the item and starts the robots of the new stage.

The rules are those of the portal's ``BaseTrigger`` and its targets. The outcome is not returned, since the REST method
answers ``true`` in any case. Seconds that robots take are yielded; nothing sleeps here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.simulator.errors import RestError
from airflow_provider_bitrix24.simulator.portal import entity_types
from airflow_provider_bitrix24.simulator.portal.entity_types import COMPANY, CONTACT, DEAL, LEAD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_bitrix24.simulator.portal.model import AutomationTrigger, Condition, Item, Stage
    from airflow_provider_bitrix24.simulator.portal.state import Portal


_CAPITAL = re.compile("[A-Z]")
_MAX_ROBOT_MOVES = 50
_SYSTEM_USER = 0


def fire(portal: Portal, type_id: int, entity_id: int, code: str, *, application: str = "") -> Iterator[float] | None:
    """Fire a webhook's trigger (or an application's) for one entity.

    For a contact or company the portal fires for what is linked to it: the client's current deal, and each item of
    smart processes that have triggers. It is not known which of several deals is the current one; here it is the
    newest open deal.
    """
    portal.fires[entity_types.reference(type_id, entity_id)] += 1
    if not portal.settings.automation_enabled:
        return None
    if type_id in (CONTACT, COMPANY):
        return _fire_linked(portal, type_id, entity_id, code, application)
    store = portal.items.get(type_id)
    item = store.get(entity_id) if store else None
    return None if item is None else _fire_item(portal, item, code, application)


def choose(portal: Portal, item: Item, code: str, application: str = "") -> AutomationTrigger | None:
    """The one trigger that a fire applies to an item, ``None`` when no trigger fits.

    Triggers are tried in the order of their stages. Those of the item's own stage never fit, those of an earlier stage
    only with "allow going back". Conditions are checked before the code.
    """
    placed = portal.triggers.get((item.type_id, item.category_id))
    if not placed:
        return None
    pipeline = portal.pipelines[item.type_id, item.category_id]
    position = pipeline.position(item.stage_id)
    if position < 0:
        return None
    for trigger in placed:
        if trigger.application != application or trigger.stage_id == item.stage_id:
            continue
        if not trigger.allow_backwards and pipeline.position(trigger.stage_id) < position:
            continue
        if trigger.conditions and not all(_holds(condition, item) for condition in trigger.conditions):
            continue
        if trigger.code in ("", "0", code) if not application else trigger.code == code:
            return trigger
    return None


def run_robots(portal: Portal, item: Item) -> Iterator[float] | None:
    """Start the robots of the stage that an item has just reached."""
    if (item.type_id, item.stage_id) not in portal.robots:
        return None
    return _run_robots(portal, item)


def _fire_item(portal: Portal, item: Item, code: str, application: str) -> Iterator[float] | None:
    if item.type_id == LEAD and not portal.settings.leads_enabled:
        return None
    trigger = choose(portal, item, code, application)
    if trigger is None:
        return None
    stage = portal.pipelines[item.type_id, item.category_id].stage(trigger.stage_id)
    if stage is None or not _place(portal, item, stage, trigger.execute_by):
        return None
    return run_robots(portal, item)


def _fire_linked(portal: Portal, type_id: int, entity_id: int, code: str, application: str) -> Iterator[float] | None:
    runs = [
        run
        for item in _linked(portal, type_id, entity_id)
        if (run := _fire_item(portal, item, code, application)) is not None
    ]
    return (seconds for run in runs for seconds in run) if runs else None


def _linked(portal: Portal, type_id: int, entity_id: int) -> Iterator[Item]:
    def belongs(item: Item) -> bool:
        return entity_id in item.contact_ids if type_id == CONTACT else item.company_id == entity_id

    deals = portal.items.get(DEAL)
    for item in deals.descending() if deals else ():
        pipeline = portal.pipelines.get((DEAL, item.category_id))
        stage = pipeline.stage(item.stage_id) if pipeline else None
        if belongs(item) and stage is not None and not stage.semantics:
            yield item
            break
    for dynamic_type, store in list(portal.items.items()):
        has_triggers = any(kind == dynamic_type and placed for (kind, _), placed in portal.triggers.items())
        if entity_types.is_dynamic(dynamic_type) and has_triggers:
            yield from [item for item in store.after(0) if belongs(item)]


def _place(portal: Portal, item: Item, stage: Stage, moved_by: int) -> bool:
    if (item.type_id, stage.id) in portal.vetoes:
        return False
    portal.place(item, item.category_id, stage, moved_by=moved_by)
    return True


def _run_robots(portal: Portal, item: Item) -> Iterator[float]:
    """Run the robots of stage after stage, as long as they move the item.

    A move ends the other robots of the stage that the item leaves. A circle of robots ends after 50 moves.
    """
    for _ in range(_MAX_ROBOT_MOVES):
        stage_id = item.stage_id
        moved = False
        for robot in portal.robots.get((item.type_id, stage_id), ()):
            if robot.seconds:
                yield robot.seconds
            if item.stage_id != stage_id:
                return  # it was moved while the robot worked
            if robot.fails:
                raise RestError("ERROR_CORE", "Robot failed", status=400)
            pipeline = portal.pipelines[item.type_id, item.category_id]
            stage = pipeline.stage(robot.move_to) if robot.move_to else None
            if stage is not None and stage.id != stage_id and _place(portal, item, stage, _SYSTEM_USER):
                moved = True
                break
        if not moved:
            return


def _holds(condition: Condition, item: Item) -> bool:
    actual = _field(item, condition.field)
    expected = condition.value
    match condition.operator:
        case "=":
            return str(actual) == str(expected)
        case "!=":
            return str(actual) != str(expected)
        case "in":
            return str(actual) in [str(each) for each in expected]
        case "contain":
            return str(expected) in str(actual)
        case "empty":
            return not actual
        case "!empty":
            return bool(actual)
        case _:
            return _compare(condition.operator, actual, expected)


def _compare(operator: str, actual: Any, expected: Any) -> bool:
    try:
        left, right = float(actual), float(expected)
    except (TypeError, ValueError):
        return False
    return {">": left > right, ">=": left >= right, "<": left < right, "<=": left <= right}[operator]


def _field(item: Item, name: str) -> Any:
    """A field by its name in :class:`.model.Item` or in ``crm.item.*``."""
    snake = _CAPITAL.sub(lambda match: "_" + match[0].lower(), name).removesuffix("_by_id") + (
        "_by" if name.endswith("ById") else ""
    )
    return getattr(item, snake) if snake in item.__slots__ else item.extra.get(name, "")
