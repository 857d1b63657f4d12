"""Draws a history: mostly a plain task on a healthy portal with one or two things that go wrong, seldom many."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Literal

from tests.histories.boards import DEAL, FAILURE, board
from tests.histories.choices import Choices
from tests.histories.draw_portal import draw_portal
from tests.histories.plan import Action, Away, History, Interruption, Stay, TaskPlan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.histories.plan import Airflow, PortalPlan

Of = Literal["triggers", "updates"]
"""What the task of a history does: fire triggers, or wait for what they do; or update entities."""
CODE = "go"
_HOSTS = (0.0, 0.0, 300.0, -300.0, 45.0, -5.0)
_GRACE = (3.0, 0.0, 8.0)


def history_of(seed: int, of: Of = "triggers") -> History:
    """Return the history of a seed."""
    return DRAWS[of](Choices(Random(seed)), seed)  # noqa: S311 - no secret


def draw_history(choices: Choices, seed: int) -> History:
    """Draw a history."""
    airflow = choices.pick(("3.3", "3.3", "3.3", "2.11", "3.3", "2.11", "3.4"))
    kind = choices.pick(("operator", "operator", "operator", "decorator", "operator", "operator", "sensor"))
    portal, targets, stages = draw_portal(choices, kind)
    task = _task(choices, kind, targets, stages)
    history = History(
        seed=seed,
        airflow=airflow,
        task=task,
        portal=portal,
        hosts=tuple(choices.pick(_HOSTS) for _ in range(1 + choices.some(2, 40))),
        stays=tuple(_stay(choices) for _ in range(1 + choices.some(5, 60))),
        waits=tuple(_away(choices) for _ in range(choices.some(3, 50))) if task.deferrable else (),
        actions=tuple(_action(choices) for _ in range(choices.some(3, 35))),
        clear_on_success=choices.chance(4),
    )
    actions = tuple(_edited(choices, each) for each in history.actions)
    return replace(history, actions=actions, task=_or_later(choices, task, portal))


def _or_later(choices: Choices, task: TaskPlan, portal: PortalPlan) -> TaskPlan:
    """Perhaps accept later stages, where the portal lists them: which they are is known to the checker then."""
    knows = task.kind != "sensor" and task.expected_stage is not None and portal.dictionaries == "there"
    return replace(task, or_later=True) if knows and choices.chance(30) else task


def draw_updates(choices: Choices, seed: int) -> History:
    """Draw a history of a task that writes stages into entities; robots sit where they come to."""
    airflow: Airflow = choices.pick(("3.3", "3.3", "2.11", "3.4"))
    portal, targets, _ = draw_portal(choices, "sensor")
    if portal.rights == "fire_only":  # such a webhook updates nothing
        portal = replace(portal, rights="all")
    task = TaskPlan(
        kind="updates",
        lists=_lists(choices, targets),
        stage=portal.triggers[0].stage,
        mixed=choices.chance(25),
        on_failed=choices.pick(("fail", "fail", "warn")),
        durable=not choices.chance(8),
        retries=choices.pick((0, 1, 2, 3)),
        retry_delay=choices.pick((0.0, 0.0, 10.0, 90.0, 300.0)),
        do_xcom_push=not choices.chance(5),
        retry_policy=choices.chance(10),
        concurrency=choices.pick((4, 1, 2)),
    )
    history = History(
        seed=seed,
        airflow=airflow,
        task=task,
        portal=portal,
        hosts=tuple(choices.pick(_HOSTS) for _ in range(1 + choices.some(2, 40))),
        stays=tuple(_stay(choices) for _ in range(1 + choices.some(5, 60))),
        actions=tuple(_action(choices) for _ in range(choices.some(3, 35))),
        clear_on_success=choices.chance(4),
    )
    history = replace(history, actions=tuple(_edited(choices, each) for each in history.actions))
    later = choices.number(FAILURE) if choices.chance(20) else None
    return replace(history, task=replace(task, later_stage=later))


def _task(choices: Choices, kind: str, targets: tuple[str, ...], stages: tuple[str, ...]) -> TaskPlan:
    if kind == "sensor":
        return _sensor(choices, targets, stages)
    verify = not choices.chance(6)
    expected = _expected(choices, stages) if verify and choices.chance(50) else None
    waits = expected is not None and choices.chance(35)
    return TaskPlan(
        kind="decorator" if kind == "decorator" else "operator",
        lists=_lists(choices, targets),
        code=CODE,
        expected_stage=expected,
        on_unmoved=choices.pick((None, None, "fail", "warn", "skip", "ignore")) if verify else None,
        verify=verify,
        second=choices.chance(15),
        wait_timeout=choices.pick((120.0, 600.0, 0.0)) if waits else None,
        poke_interval=choices.pick((60.0, 20.0)),
        deferrable=choices.chance(45),
        durable=not choices.chance(8),
        retries=choices.pick((0, 1, 2, 3)),
        retry_delay=choices.pick((0.0, 0.0, 10.0, 90.0, 300.0)),
        do_xcom_push=not choices.chance(5),
        retry_policy=choices.chance(10),
        concurrency=choices.pick((4, 1, 2)),
    )


def _sensor(choices: Choices, targets: tuple[str, ...], stages: tuple[str, ...]) -> TaskPlan:
    expected = _expected(choices, stages)
    named = {expected} if isinstance(expected, str) else set(expected)
    fail_on = tuple({board(DEAL).stages[5]} - named) if choices.chance(30) else ()
    return TaskPlan(
        kind="sensor",
        lists=_lists(choices, targets),
        expected_stage=expected,
        wait_timeout=choices.pick((120.0, 900.0)),
        poke_interval=choices.pick((60.0, 20.0)),
        deferrable=choices.chance(50),
        retries=choices.pick((0, 1, 2)),
        fail_on=fail_on,
        require=choices.pick(("all", "any")),
        mode=choices.pick(("poke", "reschedule")),
    )


def _expected(choices: Choices, stages: tuple[str, ...]) -> str | tuple[str, ...]:
    """Choose expected stages: that of the trigger, that of a robot, several, or one that does not exist."""
    where = choices.number(9)
    if where <= 5 or len(stages) == 1:
        return stages[0]
    if where <= 7:
        return stages[choices.number(len(stages) - 1)]
    if where == 8:
        return stages
    return choices.pick(("Prepare documents", "preparation", "C5:NOWHERE"))


def _lists(choices: Choices, targets: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Choose the lists of the tries: as a rule the same."""
    if not choices.chance(15) or len(targets) == 1:
        return (targets,)
    cut = 1 + choices.number(len(targets) - 2)
    match choices.number(4):
        case 4:
            return targets, (), targets
        case 0:
            return targets[:cut], targets
        case 1:
            return targets, targets[:cut]
        case 2:
            return targets[:cut], targets[max(0, cut - 1) :]
        case _:
            return targets, tuple(reversed(targets))


def _stay(choices: Choices) -> Stay:
    struck = choices.chance(45)
    interruptions = [_interruption(choices)] if struck else []
    if struck and choices.chance(12):  # and while that is dealt with
        interruptions.append(Interruption(point=interruptions[0].point + 1 + choices.number(4), kind="kill"))
    return Stay(
        host=choices.number(2),
        interruptions=tuple(interruptions),
        store_fails=_failing(choices, 5),
        xcom_fails=_failing(choices, 5),
        after_execute=choices.pick(("post_execute", "push")) if choices.chance(8) else "",
    )


def _failing(choices: Choices, percent: int) -> frozenset[int]:
    """Choose calls that fail: one, or all from one on."""
    if not choices.chance(percent):
        return frozenset()
    first = 1 + choices.number(11)
    return frozenset(range(first, first + choices.pick((1, 1, 100))))


def _interruption(choices: Choices) -> Interruption:
    kind = choices.pick(("kill", "kill", "kill", "timeout", "sigterm", "exit", "orphan", "clear"))
    # Early points are where everything begins, late ones where it ends; both are worth more than those between.
    point = 1 + choices.number(choices.pick((30, 12, 60)))
    return Interruption(point=point, kind=kind, grace=choices.pick(_GRACE))


def _away(choices: Choices) -> Away:
    return Away(
        host=choices.number(2),
        deaths=tuple(1 + choices.number(20) for _ in range(choices.some(2, 25))),
        fate=choices.pick(("lost", "odd", "clear", "crash")) if choices.chance(15) else "",
    )


def _action(choices: Choices) -> Action:
    return Action(after=choices.pick((60.0, 5.0, 900.0)))


def _edited(choices: Choices, action: Action) -> Action:
    """Perhaps change the retries in the DAG file before the Clear."""
    return replace(action, retries=choices.pick((0, 1, 2))) if choices.chance(25) else action


def stages_of(portal: PortalPlan) -> tuple[str, ...]:
    """Return the stages at which something may arrive, for tests that write a history by hand."""
    return tuple(dict.fromkeys(board(each.type_id).stages[each.stage] for each in portal.triggers))


DRAWS: Mapping[Of, Callable[[Choices, int], History]] = {"triggers": draw_history, "updates": draw_updates}
