"""The sentence that ends a task: all that a mail or a list of failed tasks shows of it. Pure.

It says what was asked, how many of how many did not arrive, where they stand, and why as far as the readings tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_bitrix24._tasks.wording import SHOWN, named, noun
from airflow_provider_bitrix24.client.report import MISSING, MISSING_SEVERAL, remaining_causes
from airflow_provider_bitrix24.client.stages import stages_in_words

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from airflow_provider_bitrix24.client.report import Outcome, TargetResult, TriggerReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """A wait for robots that has ended.

    :param before: the report of the fire.
    :param after: the report when the wait ended.
    :param seconds: how long the wait could be.
    :param cut_short: why it ended before its time without some of the entities, if it did.
    """

    before: TriggerReport
    after: TriggerReport
    seconds: float
    cut_short: str = ""

    def __str__(self) -> str:
        if self.cut_short:
            return " and a wait that ended early"
        return f" and a wait of {self.seconds:.0f} s, which ran out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a task asked for.

    :param expected: ids of the stages, any of which is accepted; empty for any move.
    :param or_later: whether later stages are accepted, too.
    :param wait: the wait for robots, if there was one.
    """

    expected: Collection[str] = ()
    or_later: bool = False
    wait: Waited | None = None

    @property
    def stages(self) -> str:
        """The stages in a sentence."""
        return stages_in_words(self.expected, or_later=self.or_later)

    def problems_of(self, report: TriggerReport, *, late_too: bool) -> str:
        """Name the targets that failed, and with ``late_too`` those that did not arrive; empty if there are none."""
        problems = []
        if failed := of(report, "failed"):
            problems.append(f"{_share(failed, report)} failed: {_listed(_failures(failed))}.")
        late = of(report, "unmoved", "elsewhere")
        if late_too and late:
            problems.append(self.late_sentence(late, report))
        return " ".join(problems)

    def late_sentence(self, late: Sequence[TargetResult], report: TriggerReport) -> str:
        """Say that targets have not arrived, where they stand, and why."""
        is_not = "is not" if len(late) == 1 else "are not"
        verb = f"{is_not} at {self.stages}" if self.expected else "did not move"
        trigger = f"trigger {report.code!r}" if report.code else "the trigger"
        head = f"{_share(late, report)} {verb} after {trigger}{self.wait or ''}"
        return f"{head}: {_listed(_places(late, report))}.{_before_wait(self.wait)}"


def of(report: TriggerReport, *outcomes: Outcome) -> list[TargetResult]:
    """The results with these outcomes."""
    return [result for result in report.results if result.outcome in outcomes]


def _share(results: Sequence[TargetResult], report: TriggerReport) -> str:
    count = len(report.results)
    return f"{len(results):,} of {count:,} {noun([each.target for each in report.results], count)}"


def _before_wait(wait: Waited | None) -> str:
    if wait is None:
        return ""
    before, count = wait.before, len(wait.before.results)
    fired = f"the fire had moved {before.moved + before.elsewhere:,} of {count:,}"
    arrived = f"{before.moved + before.already:,} of {count:,} had arrived"
    return f"{wait.cut_short and ' '}{wait.cut_short} Before the wait, {fired}, and {arrived}."


def _failures(failed: Iterable[TargetResult]) -> list[str]:
    groups: dict[str, list[str]] = {}
    for each in failed:
        message = each.error.message if each.error else "no reason is known"
        groups.setdefault(message.rstrip("."), []).append(each.target)
    return [f"{named(targets)}: {_of_several(message, len(targets))}" for message, targets in groups.items()]


def _of_several(message: str, count: int) -> str:
    return MISSING_SEVERAL.rstrip(".") if count > 1 and message == MISSING.rstrip(".") else message


def _places(late: Iterable[TargetResult], report: TriggerReport) -> list[str]:
    groups: dict[tuple[bool, str | None, str | None, object], list[TargetResult]] = {}
    for each in late:
        has_moved = each.outcome == "elsewhere" or each.stage_before != each.stage_after
        key = (has_moved, each.stage_before if has_moved else None, each.stage_after, each.place)
        groups.setdefault(key, []).append(each)
    return [_place(has_moved, results, report) for (has_moved, *_), results in groups.items()]


def _place(has_moved: bool, results: Sequence[TargetResult], report: TriggerReport) -> str:  # noqa: FBT001 - of a pair
    first, names = results[0], named([each.target for each in results])
    one = len(results) == 1
    it, its = ("it", "its") if one else ("them", "their")
    if first.stage_after is None:
        return f"{names} {'is' if one else 'are'} gone"
    if has_moved and first.stage_before == first.stage_after:
        return f"{names} moved and {'is' if one else 'are'} back at {first.stage_after}"
    if has_moved:
        known = {
            "before": ", before that stage",
            "past": f", past that stage; or_later=True accepts {it}",
            "aside": ", in another pipeline than that stage",
            "final": f", where {its} pipeline ends",
        }
        return f"{names} went from {first.stage_before} to {first.stage_after}{known.get(first.place or '', '')}"
    stand = f"{names} {'stands' if one else 'stand'} at {first.stage_after}"
    why = "; ".join(cause.short for cause in remaining_causes(results, report))
    match first.place:
        case "final":
            return f"{stand}, where {its} pipeline ends"
        case "past":
            return f"{stand}, past that stage; a trigger moves {it} back only with 'allow going back'"
        case "aside":
            return f"{stand}, in another pipeline than that stage; no trigger moved {it} ({why})"
        case _:
            return f"{stand}; no trigger moved {it} ({why})"


def _listed(parts: Sequence[str]) -> str:
    shown = "; ".join(parts[:SHOWN])
    return f"{shown}; and more" if len(parts) > SHOWN else shown.rstrip(".")
