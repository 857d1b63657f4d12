"""Waiting for entities to arrive at a stage: what a check of their stages means, and when the next one is due. Pure.

A robot may take a while, so a task can wait until its entities stand at an expected stage. What waits (an operator in
its worker, a sensor, an Airflow trigger) reads the stages and passes them in here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from airflow_provider_bitrix24._tasks.wording import listed, standing
from airflow_provider_bitrix24.client.report import MISSING, TriggerReport

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from airflow_provider_bitrix24.client.stages import StageInfo

Require = Literal["all", "any", "each"]
"""When a wait is over. ``all``: one check finds all entities at an expected stage. ``any``: one check finds one of them
there. ``each``: every entity was there at some check, since robots may move the first ones on before the last one
arrives; an entity that can no longer be read is given up, and the wait continues for the others."""


@dataclass(frozen=True, slots=True)
class StageCheck:
    """Where entities stand at one check.

    :param arrived: target -> the expected stage where it stands.
    :param waiting: target -> the other stage where it stands.
    :param missing: targets that can no longer be read; there is no point in waiting for them.
    """

    arrived: dict[str, str]
    waiting: dict[str, str | None]
    missing: tuple[str, ...]


def check_stages(targets: Iterable[str], stages: Mapping[str, StageInfo], expected: Collection[str]) -> StageCheck:
    """Sort targets by where they stand.

    :param targets: canonical forms, such as ``DEAL_57``.
    :param stages: what ``get_stages`` returned for them.
    :param expected: stage ids, any of which is accepted.
    """
    arrived: dict[str, str] = {}
    waiting: dict[str, str | None] = {}
    missing: list[str] = []
    for target in targets:
        info = stages.get(target)
        if info is None:
            missing.append(target)
        elif info.stage is not None and info.stage in expected:
            arrived[target] = info.stage
        else:
            waiting[target] = info.stage
    return StageCheck(arrived, waiting, tuple(missing))


def update(report: TriggerReport, check: StageCheck) -> TriggerReport:
    """Update a report: entities that have arrived count as moved, the others stand where they are."""
    results = []
    for result in report.results:
        if result.target in check.arrived:
            arrived = check.arrived[result.target]
            results.append(replace(result, outcome="moved", stage_after=arrived, reason=None))
        elif result.target in check.waiting:
            stage = check.waiting[result.target]
            has_moved = result.outcome == "elsewhere" or stage != result.stage_before
            results.append(replace(result, outcome="elsewhere" if has_moved else "unmoved", stage_after=stage))
        elif result.target in check.missing:
            results.append(replace(result, stage_after=None, reason=MISSING))
        else:
            results.append(result)
    return TriggerReport(code=report.code, portal=report.portal, results=results)


def next_check(*, now: float, deadline: float, interval: float) -> float | None:
    """Return the seconds until the next check, or ``None`` when time is up. The last check is at the deadline.

    All times are seconds of the same clock.
    """
    return None if now >= deadline else min(interval, deadline - now)


@dataclass(slots=True, kw_only=True)
class StageWait:
    """A wait from its first check to its end: what to check next, where entities stand, and how it ended.

    :param targets: what to check next; canonical forms.
    :param expected: stage ids, any of which is accepted.
    :param require: see :data:`Require`.
    :param fail_on: stage ids where a single entity fails the wait.
    """

    targets: Sequence[str]
    expected: Collection[str]
    require: Require
    fail_on: Collection[str] = ()
    check: StageCheck = field(default_factory=lambda: StageCheck({}, {}, ()))
    done: bool = False
    failure: str | None = None
    """Why the wait ended without success, if it did."""

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to wait for."""
        return self.done or self.failure is not None

    def observe(self, stages: Mapping[str, StageInfo]) -> None:
        """Take a check of :attr:`targets` into account.

        :param stages: what ``get_stages`` returned for them.
        """
        check = check_stages(self.targets, stages, self.expected)
        if self.require == "each":
            before = self.check
            self.check = StageCheck(before.arrived | check.arrived, check.waiting, before.missing + check.missing)
            self.targets = list(check.waiting)
            self.done = not check.waiting
            return
        self.check = check
        self.done = bool(check.arrived) if self.require == "any" else not (check.waiting or check.missing)
        self.failure = None if self.done else self._why_failed()

    def _why_failed(self) -> str | None:
        problems = []
        if lost := {target: stage for target, stage in self.check.waiting.items() if stage in self.fail_on}:
            problems.append(f"{standing(lost)}.")
        if self.check.missing:
            problems.append(f"{listed(self.check.missing)}: {MISSING}")
        return " ".join(problems) or None
