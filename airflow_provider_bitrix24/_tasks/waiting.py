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

    from airflow_provider_bitrix24.client.expected import ExpectedStages
    from airflow_provider_bitrix24.client.report import Outcome
    from airflow_provider_bitrix24.client.stages import StageInfo

Require = Literal["all", "any", "each"]
"""When a wait is over. ``all``: one check finds all entities at an expected stage. ``any``: one check finds one of them
there. ``each``: every entity was there at some check, since robots may move the first ones on before the last one
arrives; an entity that can no longer be read is given up, and the wait continues for the others."""


_ACCEPT = "If the entity may be there, add the stage to expected_stage, or set or_later=True."


@dataclass(frozen=True, slots=True)
class StageCheck:
    """Where entities stand at one check.

    :param arrived: target -> the expected stage where it stands.
    :param waiting: target -> the other stage where it stands.
    :param missing: targets that can no longer be read; there is no point in waiting for them.
    :param final: those of ``waiting`` at a final stage of their pipeline, which they will not leave.
    """

    arrived: dict[str, str]
    waiting: dict[str, str | None]
    missing: tuple[str, ...]
    final: tuple[str, ...] = ()

    @property
    def open(self) -> list[str]:
        """Targets that are worth waiting for."""
        return [target for target in self.waiting if target not in self.final]


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
            results.append(replace(result, outcome="moved", stage_after=arrived, reason=None, place=None))
        elif result.target in check.waiting:
            stage = check.waiting[result.target]
            has_moved = result.outcome == "elsewhere" or stage != result.stage_before
            place = "final" if result.target in check.final else result.place if stage == result.stage_after else None
            outcome: Outcome = "elsewhere" if has_moved else "unmoved"
            results.append(replace(result, outcome=outcome, stage_after=stage, place=place))
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
    :param stages: which stages are accepted, where a single entity fails the wait, and what the portal lists of the
        pipelines: a reading of the targets fills that in.
    :param require: see :data:`Require`.
    """

    targets: Sequence[str]
    stages: ExpectedStages
    require: Require
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
        unclear = self._unclear
        read = [target for target in self.targets if target not in unclear]
        check = check_stages(read, stages, self.stages.accepted)
        check = replace(check, final=tuple(each for each in check.waiting if self.stages.is_final(stages[each])))
        self.check = self._added(check) if self.require == "each" else check
        if self.require == "each":
            self.targets = [*self.check.open, *sorted(unclear)]
            self.done = not self.targets
        else:
            late = check.waiting or check.missing or unclear
            self.done = bool(check.arrived) if self.require == "any" else not late
        self.failure = self._why_failed(check)

    @property
    def _unclear(self) -> set[str]:
        """Targets of which the last answer cannot be read. They are not given up, since the next one tells."""
        return {str(ref) for ref in self.stages.unreadable}.intersection(self.targets)

    @property
    def at_final_stages(self) -> str:
        """Name the entities that will not arrive, and the final stages where they stand."""
        return f"{standing({target: self.check.waiting[target] for target in self.check.final})}. That stage is final."

    def _added(self, check: StageCheck) -> StageCheck:
        """All checks so far as one: each covers only the targets that were open before it."""
        before = self.check
        settled = {target: before.waiting[target] for target in before.final}
        return StageCheck(
            arrived=before.arrived | check.arrived,
            waiting=settled | check.waiting,
            missing=before.missing + check.missing,
            final=before.final + check.final,
        )

    def _why_failed(self, check: StageCheck) -> str | None:
        if self.require == "any" and self.done:
            return None
        problems = []
        if failed := {target: stage for target, stage in check.waiting.items() if stage in self.stages.fail_on}:
            problems.append(f"{standing(failed)}.")
        if self.require != "each":
            hopeless = {target: check.waiting[target] for target in check.final if target not in failed}
            if hopeless and (self.require == "all" or not (check.open or self._unclear)):
                problems.append(f"{standing(hopeless)}. That stage is final. {_ACCEPT}")
            if check.missing:
                problems.append(f"{listed(check.missing)}: {MISSING}")
        return " ".join(problems) or None
