"""What a portal does with entities: triggers move them, robots move them on, colleagues move them by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.histories.boards import CONTACT, OTHER_PIPELINE, Board, board
from tests.histories.record import Stood

if TYPE_CHECKING:
    from tests.histories.plan import EntityPlan, PortalPlan, TriggerPlan
    from tests.histories.record import Fire, Record
    from tests.histories.timeline import Timeline

LONGEST_CHAIN = 6
"""Robots that move one entity on in one go."""


@dataclass(slots=True)
class Entity:
    """An entity on the portal. ``version`` counts its moves."""

    plan: EntityPlan
    board: Board
    stage: int
    moved_at: float
    version: int = 0


class Automation:
    """The entities of a portal and everything that moves them."""

    def __init__(self, plan: PortalPlan, timeline: Timeline, record: Record) -> None:
        self._plan, self._timeline, self._record = plan, timeline, record
        self.entities: dict[tuple[int, int], Entity] = {}
        for each in plan.entities:
            if each.exists:
                entity = Entity(each, board(*each.key), each.stage, -86_400.0)
                self.entities[each.key] = entity
                record.stood[each.key] = [Stood(-86_400.0, entity.board.stages[each.stage], None, "made")]
        self._triggers: dict[int, list[TriggerPlan]] = {}
        for trigger in sorted(plan.triggers, key=lambda each: each.stage):
            self._triggers.setdefault(trigger.type_id, []).append(trigger)
        for move in plan.colleagues:
            timeline.at(move.at, lambda move=move: self._by_hand(move.entity, move.stage))

    def fire(self, fire: Fire, code: str) -> None:
        """Do what ``crm.automation.trigger`` does once it has answered true: find a trigger and apply it."""
        entity = self.entities.get(fire.key)
        if entity is None:
            return
        if fire.key[0] == CONTACT:
            fire.moved_at = self._timeline.now  # it moves deals of the contact, whichever those are
            return
        for trigger in self._triggers.get(fire.key[0], ()):
            if self._fits(trigger, entity, code):
                self._move(entity, trigger.stage, fire, "trigger")
                return

    @staticmethod
    def _fits(trigger: TriggerPlan, entity: Entity, code: str) -> bool:
        if trigger.other != (entity.plan.id >= OTHER_PIPELINE) or trigger.stage == entity.stage:
            return False
        if trigger.stage < entity.stage and not trigger.backwards:
            return False
        return entity.plan.id not in trigger.failing and trigger.code in ("", code)

    def update(self, fire: Fire, stage: str) -> None:
        """Do what ``crm.item.update`` does with a stage, if it writes one."""
        entity = self.entities[fire.key]
        if stage:
            self._move(entity, entity.board.index[stage], fire, "update")

    def _move(self, entity: Entity, to: int, fire: Fire | None, why: str, depth: int = 0) -> None:
        if to == entity.stage or (entity.plan.type_id, to) in self._plan.vetoes:
            return
        now = self._timeline.now
        entity.stage, entity.moved_at = to, now
        entity.version += 1
        if fire is not None and fire.moved_at is None:
            fire.moved_at = now
        number = None if fire is None else fire.number
        self._record.stood[entity.plan.key].append(Stood(now, entity.board.stages[to], number, why))
        self._start_robots(entity, fire, depth)

    def _start_robots(self, entity: Entity, fire: Fire | None, depth: int) -> None:
        version = entity.version
        for robot in self._plan.robots:
            if robot.type_id != entity.plan.type_id or robot.stage != entity.stage:
                continue
            if robot.delay > 0:
                self._timeline.at(
                    self._timeline.now + robot.delay,
                    # A robot that waits ends when its entity leaves the stage.
                    lambda to=robot.to: entity.version == version and self._move(entity, to, fire, "late robot"),
                )
            elif depth < LONGEST_CHAIN:
                self._move(entity, robot.to, fire, "robot", depth + 1)
                return

    def _by_hand(self, index: int, stage: int) -> None:
        entity = self.entities.get(self._plan.entities[index].key)
        if entity is not None:
            self._move(entity, stage, None, "colleague")
