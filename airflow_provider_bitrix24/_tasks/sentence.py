"""The sentence that ends a task: all that a mail or a list of failed tasks shows of it. Pure.

It says what was asked, how many of how many did not arrive, where they stand, and why as far as the readings tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_bitrix24._tasks.wording import SHOWN, listed, named, noun, of_several
from airflow_provider_bitrix24.client.entity_ref import EntityRef
from airflow_provider_bitrix24.client.pipelines import owner_in_words, pipeline_of
from airflow_provider_bitrix24.client.report import remaining_causes
from airflow_provider_bitrix24.client.stages import stages_in_words

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from airflow_provider_bitrix24.client.report import Outcome, TargetResult, TriggerReport


IT = "\0"
"""In place of ``it`` or ``them``, until it is known how many share a remark."""


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
        if failed := results_with(report, "failed"):
            problems.append(f"{_share(failed, report)} failed: {_listed(_failures(failed))}.")
        late = results_with(report, "unmoved", "elsewhere")
        if late_too and late:
            problems.append(self.late_sentence(late, report))
        return " ".join(problems)

    def late_sentence(self, late: Sequence[TargetResult], report: TriggerReport) -> str:
        """Say that targets have not arrived, where they stand, and why."""
        share, trigger = _share(late, report), f"trigger {report.code!r}" if report.code else "the trigger"
        if not self.expected:
            head = f"{share} did not move after {trigger}"
        elif len(late) == 1:
            head = f"{share} is not at {self.stages} after {trigger}"
        else:
            head = f"{share} are not at {self.stages} after {trigger}"
        return f"{head}{self.wait or ''}: {_listed(self._places(late, report))}.{_before_wait(self.wait)}"

    def _places(self, late: Iterable[TargetResult], report: TriggerReport) -> list[str]:
        """Where targets stand. What is true of several groups of them follows the last of these."""
        groups: dict[tuple[object, ...], list[TargetResult]] = {}
        for each in late:
            before = each.stage_before if _has_moved(each) else None
            key = (_has_moved(each), before, each.stage_after, each.place, self._owner_of_stages(each))
            groups.setdefault(key, []).append(each)
        remarks: dict[str, list[list[TargetResult]]] = {}
        for group in groups.values():
            remarks.setdefault(self._remark(group, report), []).append(group)
        return [_remarked(shared, remark) for remark, shared in remarks.items()]

    def _remark(self, group: Sequence[TargetResult], report: TriggerReport) -> str:
        """What explains where targets stand, with :data:`IT` in place of them; empty where nothing does."""
        first = group[0]
        if first.stage_after is None or (_has_moved(first) and first.place not in ("past", "aside")):
            return ""
        if first.place == "past":
            accepted = "" if self.or_later else f"or_later=True accepts {IT}"
            back = "" if _has_moved(first) else f"a trigger moves {IT} back only with 'allow going back'"
            return ", and ".join(part for part in (accepted, back) if part)
        if first.place == "final":
            return ""
        aside = self._owner_of_stages(first)
        if _has_moved(first):
            return aside
        why = "; ".join(cause.short for cause in remaining_causes(group, report))
        return ", and ".join(part for part in (aside, f"no trigger moved {IT} ({why})") if part)

    def _owner_of_stages(self, result: TargetResult) -> str:
        """Whose the expected stages are, of a target that stands in another pipeline; empty for others."""
        if result.place != "aside" or result.stage_after is None:
            return ""
        ref = EntityRef.parse(result.target)
        return owner_in_words(self.expected, ref, pipeline_of(ref, result.stage_after))


def results_with(report: TriggerReport, *outcomes: Outcome) -> list[TargetResult]:
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
    return [f"{named(targets)}: {of_several(message, len(targets))}" for message, targets in groups.items()]


def _has_moved(result: TargetResult) -> bool:
    return result.outcome == "elsewhere" or result.stage_before != result.stage_after


def _remarked(groups: Sequence[Sequence[TargetResult]], remark: str) -> str:
    if not remark:
        return _listed([_place(each) for each in groups])
    it = "it" if sum(map(len, groups)) == 1 else "them"
    return f"{listed([_place(each) for each in groups])}; {remark.replace(IT, it)}"


def _place(group: Sequence[TargetResult]) -> str:
    first, names, one = group[0], named([each.target for each in group]), len(group) == 1
    if first.stage_after is None:
        return f"{names} {'is' if one else 'are'} gone"
    if _has_moved(first) and first.stage_before == first.stage_after:
        return f"{names} moved and {'is' if one else 'are'} back at {first.stage_after}"
    known = {
        "before": ", before that stage" if _has_moved(first) else "",
        "past": ", past that stage",
        "final": f", where {'its' if one else 'their'} pipeline ends",
    }
    where = known.get(first.place or "", "")
    if _has_moved(first):
        return f"{names} went from {first.stage_before} to {first.stage_after}{where}"
    return f"{names} {'stands' if one else 'stand'} at {first.stage_after}{where}"


def _listed(parts: Sequence[str]) -> str:
    shown = "; ".join(parts[:SHOWN])
    return f"{shown}; and more" if len(parts) > SHOWN else shown.rstrip(".")
