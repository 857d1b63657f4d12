"""A stay on the triggerer: the Airflow trigger is built from what was serialized, runs in virtual time, and may die."""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING, Any

from tests.histories.plan import Interruption
from tests.histories.seams import STAGE
from tests.histories.timeline import EPOCH, Killed, Process

if TYPE_CHECKING:
    from tests.histories.plan import Away
    from tests.histories.portal import Sender
    from tests.histories.world import World

STARTS_ANEW_AFTER = 30.0


def be_away(world: World, plan: Away, deferral: Any, sender: Sender) -> tuple[str | None, dict[str, Any]]:
    """Wait outside the worker. Returns the method to resume with and its arguments; none where a user cleared it."""
    classpath, kwargs = deferral.trigger.serialize()
    host = world.hosts[plan.host % len(world.hosts)]
    process = world.enter(Process(world.timeline, host), sender)
    world.say(f"--- Deferred to {classpath.rpartition('.')[2]} on {host.name}.")
    if plan.fate == "clear":
        world.timeline.advance_to(world.timeline.now + STARTS_ANEW_AFTER)
        return None, {}
    if plan.fate == "crash":
        return "__fail__", {"error": "Trigger failure", "traceback": []}
    if classpath.endswith("DateTimeTrigger"):
        moment = kwargs["moment"].timestamp() - EPOCH - host.offset
        world.timeline.advance_to(max(world.timeline.now, moment))
        payload: Any = kwargs["moment"].isoformat()
    else:
        try:
            payload = _wait(world, plan, classpath, json.dumps(kwargs), process, sender)
        except Exception as error:  # noqa: BLE001 - Airflow tells the task of whatever its trigger raises
            world.trigger_errors.append(error)
            return "__fail__", {"error": "Trigger failure", "traceback": [str(error)]}
    if plan.fate == "lost":
        payload = None
    elif plan.fate == "odd":
        payload = {"status": "other"}
    return deferral.method_name, {**(deferral.kwargs or {}), "event": payload}


def _wait(world: World, plan: Away, classpath: str, kwargs: str, process: Process, sender: Sender) -> Any:
    module, _, name = classpath.rpartition(".")
    make = getattr(import_module(module), name)
    for point in (*plan.deaths, None):
        interruptions = () if point is None else (Interruption(point=point, kind="kill"),)
        process = world.enter(
            Process(world.timeline, process.host, interruptions, lambda struck, _: struck.kill()), sender
        )
        try:
            payload = STAGE.run(_first(make(**json.loads(kwargs))))
        except Killed:
            world.timeline.advance_to(world.timeline.now + STARTS_ANEW_AFTER)
            continue
        return json.loads(json.dumps(payload))
    raise LookupError("The last triggerer lives on.")


async def _first(trigger: Any) -> Any:
    events = trigger.run()
    try:
        return (await anext(events)).payload
    finally:
        await events.aclose()
