"""What a report of updates means for a task: its log lines, its end, and what it leaves for later tries. Pure.

A retry is safe where a checkpoint tells it what is done. Without one, updates may be repeated as long as none of them
moved an entity.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airflow_provider_bitrix24._tasks.preview_table import table
from airflow_provider_bitrix24._tasks.verdict import Verdict
from airflow_provider_bitrix24._tasks.wording import listed, named, of_several
from airflow_provider_bitrix24.client.entities.update_report import UpdateReport, UpdateResult
from airflow_provider_bitrix24.client.report import TargetResult, TriggerReport

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from airflow_provider_bitrix24.client.entities.update_report import UpdateOutcome
    from airflow_provider_bitrix24.client.report import Outcome

_AS_FIRED: dict[UpdateOutcome, Outcome] = {
    "updated": "moved",
    "unchanged": "already",
    "failed": "failed",
    "would_update": "would_fire",
}
UNSAFE_RETRIES = (
    "The task has retries and its updates hold a stage or a pipeline, but Airflow cannot store a checkpoint (3.3, with "
    "durable=True): if this worker is killed, the next try sends the same updates again and may move entities twice."
)


def as_fired(report: UpdateReport) -> TriggerReport:
    """The report in the form in which a finished task keeps one."""
    results = [
        TargetResult(target=each.target, outcome=_AS_FIRED[each.outcome], error=each.error) for each in report.results
    ]
    return TriggerReport(code=None, portal=report.portal, results=results, preview=report.preview)


def from_fired(report: TriggerReport) -> UpdateReport:
    """Undo :func:`as_fired`."""
    results = [UpdateResult.from_fire(each) for each in report.results]
    return UpdateReport(portal=report.portal, results=results, preview=report.preview)


def counts(report: UpdateReport) -> str:
    """How many updates had which outcome."""
    shown = [f"{report.updated:,} updated", f"{report.unchanged:,} unchanged", f"{report.failed:,} failed"]
    if report.preview:
        shown = [f"{report.would_update:,} would_update", f"{report.failed:,} failed"]
    return f"Of {len(report.results):,}: {', '.join(shown)}."


def lines(report: UpdateReport) -> Iterator[tuple[int, str]]:
    """Yield (logging level, text): the counts, and a table of all updates, if there are any."""
    if not report.results:
        return
    yield logging.INFO, counts(report)
    rows = [(each.target, (_described(each),)) for each in report.results]
    for line in table(("OUTCOME",), rows):
        yield logging.WARNING if "failed: " in line else logging.INFO, line


def _described(result: UpdateResult) -> str:
    if result.outcome != "failed":
        return result.outcome
    if result.error is None:
        return "failed: no reason given"
    return f"failed: {result.error.message.rstrip('.')} (executed: {result.error.executed})."


def decide(report: UpdateReport, *, fails: bool, moving: Collection[str], survives: bool) -> Verdict:
    """Say how a task with this report ends.

    :param fails: whether updates that failed fail the task.
    :param moving: targets whose updates hold a stage or a pipeline.
    :param survives: whether a next try knows what this one has done.
    """
    failed = [each for each in report.results if each.outcome == "failed"]
    if not failed or not fails:
        return Verdict("succeed")
    message = f"{len(failed):,} of {len(report.results):,} updates failed: {_reasons(failed)}."
    if all(each.error is not None and each.error.permanent for each in failed):
        return Verdict("fail", message)
    danger = None if survives else danger_of_a_retry(report, moving)
    return Verdict("retry", message) if danger is None else Verdict("fail", f"{message} No retry follows: {danger}")


def _reasons(failed: Collection[UpdateResult]) -> str:
    groups: dict[str, list[str]] = {}
    for each in failed:
        groups.setdefault(_described(each).removeprefix("failed: ").rstrip("."), []).append(each.target)
    return listed([f"{named(targets)}: {of_several(why, len(targets))}" for why, targets in groups.items()], "; ")


def danger_of_a_retry(report: UpdateReport, moving: Collection[str]) -> str | None:
    """Say why a retry without a checkpoint could move entities twice, or ``None`` where it could not.

    :param moving: targets whose updates hold a stage or a pipeline.
    """
    sent = [each for each in report.results if each.target in moving and _may_have_been_sent(each)]
    if not sent:
        return None
    return f"{len(sent)} updates that hold a stage or a pipeline were sent; repeating them could move entities twice."


def _may_have_been_sent(result: UpdateResult) -> bool:
    if result.outcome == "failed":
        return result.error is None or result.error.executed != "no"
    return result.outcome in ("updated", "unchanged")
