"""Draws a portal: its entities, what moves them, and what goes wrong there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tests.histories.boards import (
    CONTACT,
    COUNT,
    DEAL,
    INVOICE,
    LEAD,
    ORDER,
    OTHER_PIPELINE,
    PROCESS,
    QUOTE,
    board,
    name_of,
)
from tests.histories.plan import (
    ColleagueMove,
    CommandFault,
    EntityPlan,
    PortalPlan,
    RequestFault,
    RobotPlan,
    TriggerPlan,
)

if TYPE_CHECKING:
    from tests.histories.choices import Choices
    from tests.histories.plan import CommandKind, Odd, RequestKind

CODE = "go"
_ODD: tuple[Odd, ...] = ("category", "huge", "moved_number", "stage_list", "stage_null", "id_text")
_LOST: tuple[RequestKind, ...] = (
    "lost_after", "midway", "late", "lost_before", "html_after", "no_answer", "cut_after", "empty_after",
    "core_after", "server_error",
)  # fmt: skip
_REFUSED: tuple[RequestKind, ...] = ("refused", "operating", "unreachable", "redirect", "denied", "encoding")
_COMMANDS: tuple[CommandKind, ...] = ("operating", "operating", "core_after", "core_before", "unmentioned", "exotic")


def draw_portal(choices: Choices, kind: str) -> tuple[PortalPlan, tuple[str, ...], tuple[str, ...]]:
    """Draw a portal. Returns it, the task's targets, and stages worth expecting."""
    types = _types(choices, kind)
    entities = _entities(choices, types, kind)
    automation = _automation(choices, sorted(set(types)), entities)
    triggers, robots = automation
    first = entities[0].type_id
    stages = [board(first).stages[each.stage] for each in triggers if each.type_id == first]
    stages += [board(first).stages[each.to] for each in robots if each.type_id == first]
    names = [name_of(*each.key) for each in entities]
    if choices.chance(10):
        names.append(names[choices.number(len(names) - 1)].lower())
    plan = PortalPlan(
        entities=entities,
        triggers=triggers,
        robots=robots,
        vetoes=frozenset({(first, triggers[0].stage)}) if choices.chance(5) else frozenset(),
        lag=choices.pick((4.0, 20.0, 1.0)) if choices.chance(12) else 0.0,
        cost=choices.pick((0.02, 0.02, 0.3, 1.0, 3.0)),
        rights=_rights(choices),
        requests=_request_faults(choices),
        commands=_command_faults(choices, len(entities)),
        colleagues=_colleagues(choices, len(entities)),
        dictionaries=choices.pick(("refused", "empty", "odd")) if choices.chance(8) else "there",
        odd_time=choices.chance(3),
        clock=choices.pick((0.0, 0.0, 120.0, -400.0)),
        reset_in=choices.pick((30.0, 300.0, 3.0, 3e8)),
    )
    return plan, tuple(names), tuple(dict.fromkeys(stages)) or ("PREPARATION",)


def _types(choices: Choices, kind: str) -> list[int]:
    """Choose the type of each entity."""
    count = 1 + choices.number(choices.pick((4, 0, 9, 4, 59)))
    shape = choices.number(19)
    if shape == 19 and kind != "sensor":
        # More types than a request has commands: two windows.
        return [1_030 + 2 * each for each in range(50 + count)]
    if shape <= 12:
        return [DEAL] * count
    known = [DEAL, LEAD, QUOTE, INVOICE, PROCESS]
    if kind != "sensor" and choices.chance(15):
        known += [CONTACT, ORDER]
    if shape <= 15:
        return [choices.pick(known)] * count
    return [choices.pick(known) for _ in range(count)]


def _entities(choices: Choices, types: list[int], kind: str) -> tuple[EntityPlan, ...]:
    unusual = choices.chance(25)
    made: list[EntityPlan] = []
    for index, type_id in enumerate(types):
        number = 1 + index
        if unusual and type_id == DEAL and choices.chance(10):
            number += OTHER_PIPELINE
        plain = EntityPlan(type_id=type_id, id=number, stage=_stage(choices))
        made.append(_unusual(choices, plain) if unusual and choices.chance(20) else plain)
    return tuple(made)


def _stage(choices: Choices) -> int:
    return choices.number(COUNT - 1) if choices.chance(12) else 0


def _unusual(choices: Choices, plain: EntityPlan) -> EntityPlan:
    kind = choices.number(5)
    return EntityPlan(
        type_id=plain.type_id,
        id=plain.id,
        stage=plain.stage,
        exists=kind != 0,
        hidden=kind == 1,
        locked=kind == 2,
        odd=choices.pick(_ODD) if kind >= 3 else None,
    )


def _automation(
    choices: Choices, types: list[int], entities: tuple[EntityPlan, ...]
) -> tuple[tuple[TriggerPlan, ...], tuple[RobotPlan, ...]]:
    """Choose one kind of automation for all types, so that a history stays easy to follow."""
    stage = 1 + choices.number(1)
    backwards = choices.chance(45)
    failing = frozenset(each.id for each in entities if choices.chance(30)) if choices.chance(15) else frozenset()
    second = choices.chance(25)
    code = "Go" if choices.chance(3) else CODE
    robot = _robot(choices, stage) if choices.chance(40) else None
    triggers, robots = [], []
    for type_id in types:
        triggers.append(TriggerPlan(type_id=type_id, stage=stage, code=code, backwards=backwards, failing=failing))
        if second:
            triggers.append(TriggerPlan(type_id=type_id, stage=stage + 1, code=code, backwards=backwards))
        if robot is not None:
            to, delay = robot
            robots.append(RobotPlan(type_id=type_id, stage=stage, to=to, delay=delay))
    return tuple(triggers), tuple(robots)


def _robot(choices: Choices, stage: int) -> tuple[int, float]:
    to = choices.pick((stage + 1, stage + 2, 4, 0))
    return to, choices.pick((0.0, 0.0, 4.0, 40.0, 100.0, 400.0))


def _rights(choices: Choices) -> Literal["all", "fire_only", "no_read"]:
    if not choices.chance(15):
        return "all"
    return choices.pick(("fire_only", "no_read"))


def _request_faults(choices: Choices) -> tuple[RequestFault, ...]:
    count = choices.some(4, 45)
    faults: dict[int, RequestFault] = {}
    for _ in range(count):
        number = choices.number(choices.pick((5, 2, 12)))
        kind = choices.pick(_LOST) if not choices.chance(25) else choices.pick(_REFUSED)
        # The client's patience is 60 s from the send; what the portal does later is beyond every promise.
        delay = choices.pick((30.0, 5.0, 55.0, -1.0))
        share = choices.pick((0.5, 0.0, 0.9, 0.2))
        faults[number] = RequestFault(number=number, kind=kind, share=share, delay=delay)
        if choices.chance(15):  # an outage
            for more in range(1, 3 + choices.number(5)):
                faults[number + more] = RequestFault(number=number + more, kind=kind, share=share, delay=delay)
    return tuple(faults.values())


def _command_faults(choices: Choices, targets: int) -> tuple[CommandFault, ...]:
    faults = []
    for _ in range(choices.some(2, 22)):
        first = choices.number(max(1, targets))
        last = first + choices.number(choices.pick((0, 3, 30)))
        faults.append(CommandFault(first=first, last=last, kind=choices.pick(_COMMANDS)))
    return tuple(faults)


def _colleagues(choices: Choices, targets: int) -> tuple[ColleagueMove, ...]:
    return tuple(
        ColleagueMove(
            at=choices.pick((1.0, 0.1, 30.0, 100.0, 500.0)),
            entity=choices.number(targets - 1),
            stage=choices.number(COUNT - 1),
        )
        for _ in range(choices.some(2, 15))
    )
