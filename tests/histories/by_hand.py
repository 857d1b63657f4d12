"""Small histories written by hand: a portal, a task and an interruption, each with one line."""

from __future__ import annotations

from typing import Any

from tests.histories.boards import DEAL
from tests.histories.plan import EntityPlan, Interruption, PortalPlan, Stay, TaskPlan, TriggerPlan

PREPARATION, EXECUTING, FINAL = 1, 2, 3
FIRST_FIRE = 1
"""Number of the request that fires first; the one before it reads."""


def portal(count: int = 5, *, backwards: bool = True, stage: int = PREPARATION, **plan: Any) -> PortalPlan:
    """Make a portal with so many deals and one trigger."""
    entities = tuple(EntityPlan(type_id=DEAL, id=1 + each) for each in range(count))
    trigger = TriggerPlan(type_id=DEAL, stage=stage, code="go", backwards=backwards)
    return PortalPlan(**{"entities": entities, "triggers": (trigger,)} | plan)


def task(count: int = 5, **plan: Any) -> TaskPlan:
    """Make a task for so many deals, that may be tried three times."""
    targets = tuple(f"DEAL_{1 + each}" for each in range(count))
    return TaskPlan(**{"lists": (targets,), "retries": 2} | plan)


def struck(kind: Any, at: str, nth: int = 1) -> Stay:
    """Make a stay that something strikes when it does a thing for the n-th time."""
    return Stay(interruptions=(Interruption(kind=kind, at=at, point=nth),))
