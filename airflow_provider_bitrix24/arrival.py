"""Has everybody arrived? What a look at waiting entities means, and when to look again. Pure.

A robot may take its time, so a task can wait until its entities stand at an expected stage. Whoever waits
(an operator in its worker, a sensor, an Airflow trigger) reads the stages and asks here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.verification import MISSING, TriggerReport

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from airflow_provider_bitrix24.client.verification import StageInfo


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who stands where at one look.

    :param arrived: target -> expected stage at which it stands.
    :param waiting: target -> other stage at which it stands.
    :param missing: targets that can no longer be read; waiting for them is in vain.
    """

    arrived: dict[str, str]
    waiting: dict[str, str | None]
    missing: tuple[str, ...]


def look(targets: Iterable[str], stages: Mapping[str, StageInfo], expected: Collection[str]) -> Arrival:
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
    return Arrival(arrived, waiting, tuple(missing))


def update(report: TriggerReport, arrival: Arrival) -> TriggerReport:
    """Bring a report up to date: who has arrived counts as moved, the others as unmoved where they stand."""
    results = []
    for result in report.results:
        if result.target in arrival.arrived:
            stage = arrival.arrived[result.target]
            results.append(replace(result, outcome="moved", stage_after=stage, reason=None))
        elif result.target in arrival.waiting:
            results.append(replace(result, stage_after=arrival.waiting[result.target]))
        elif result.target in arrival.missing:
            results.append(replace(result, stage_after=None, reason=MISSING))
        else:
            results.append(result)
    return TriggerReport(code=report.code, portal=report.portal, results=results)


def next_look(*, now: float, deadline: float, interval: float) -> float | None:
    """Seconds until the next look, or ``None`` when time is up. The last look falls on the deadline.

    All times are seconds of the same clock.
    """
    return None if now >= deadline else min(interval, deadline - now)
