"""Has everybody arrived? What a look at waiting entities means, and when to look again. Pure.

A robot may take its time, so a task can wait until its entities stand at an expected stage. Whoever waits
(an operator in its worker, a sensor, an Airflow trigger) reads the stages and asks here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from airflow_provider_bitrix24.client.report import MISSING, TriggerReport

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from airflow_provider_bitrix24.client.stages import StageInfo

Require = Literal["all", "any", "each"]
"""When a wait is over. ``all``: one look shows all of them at an expected stage. ``any``: one look shows one
there. ``each``: every one was seen there at some look, as robots may have moved the first ones on before the last
one comes; those that can no longer be read are given up, and the wait goes on for the others."""

_SHOWN = 10
"""How many targets a message names."""


@dataclass(frozen=True, slots=True)
class StageCheck:
    """Who stands where at one look.

    :param arrived: target -> expected stage at which it stands.
    :param waiting: target -> other stage at which it stands.
    :param missing: targets that can no longer be read; waiting for them is in vain.
    """

    arrived: dict[str, str]
    waiting: dict[str, str | None]
    missing: tuple[str, ...]


def check_stages(targets: Iterable[str], stages: Mapping[str, StageInfo], expected: Collection[str]) -> StageCheck:
    """Sort targets by what a reading shows.

    :param targets: canonical forms, such as ``DEAL_57``.
    :param stages: what ``get_stages`` returned for them.
    :param expected: stage ids, any of which will do.
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
    """Bring a report up to date: who has arrived counts as moved, the others as unmoved where they stand."""
    results = []
    for result in report.results:
        if result.target in check.arrived:
            stage = check.arrived[result.target]
            results.append(replace(result, outcome="moved", stage_after=stage, reason=None))
        elif result.target in check.waiting:
            results.append(replace(result, stage_after=check.waiting[result.target]))
        elif result.target in check.missing:
            results.append(replace(result, stage_after=None, reason=MISSING))
        else:
            results.append(result)
    return TriggerReport(code=report.code, portal=report.portal, results=results)


def next_check(*, now: float, deadline: float, interval: float) -> float | None:
    """Seconds until the next look, or ``None`` when time is up. The last look falls on the deadline.

    All times are seconds of the same clock.
    """
    return None if now >= deadline else min(interval, deadline - now)


@dataclass(slots=True, kw_only=True)
class StageWait:
    """A wait from its first look to its end: whom to look at next, who was seen where, and how it ended.

    :param targets: whom to look at next; canonical forms.
    :param expected: stage ids, any of which will do.
    :param require: see :data:`Require`.
    :param fail_on: stage ids at which one entity ends the wait with failure.
    """

    targets: Sequence[str]
    expected: Collection[str]
    require: Require
    fail_on: Collection[str] = ()
    check: StageCheck = field(default_factory=lambda: StageCheck({}, {}, ()))
    done: bool = False
    failure: str | None = None
    """Why the wait is in vain; it is over then, too."""

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to wait for."""
        return self.done or self.failure is not None

    def observe(self, stages: Mapping[str, StageInfo]) -> None:
        """Take a look at :attr:`targets` into account.

        :param stages: what ``get_stages`` returned for them.
        """
        seen = check_stages(self.targets, stages, self.expected)
        if self.require == "each":
            before = self.check
            self.check = StageCheck(before.arrived | seen.arrived, seen.waiting, before.missing + seen.missing)
            self.targets = list(seen.waiting)
            self.done = not seen.waiting
            return
        self.check = seen
        self.done = bool(seen.arrived) if self.require == "any" else not (seen.waiting or seen.missing)
        self.failure = None if self.done else self._in_vain(seen)

    def _in_vain(self, seen: StageCheck) -> str | None:
        problems = []
        if lost := [f"{target} stands at {stage}" for target, stage in seen.waiting.items() if stage in self.fail_on]:
            problems.append(f"{_listed(lost)}.")
        if seen.missing:
            problems.append(f"{_listed(seen.missing)}: {MISSING}")
        return " ".join(problems) or None


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
