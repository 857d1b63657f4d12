from __future__ import annotations

import logging

import pytest

from airflow_provider_bitrix24._tasks.report_log import LINES, WIDTH, ReportLog, counts_line, report_lines
from airflow_provider_bitrix24.client.report import (
    CAUSES,
    MISSING,
    MISSING_SEVERAL,
    TargetError,
    TargetResult,
    TriggerReport,
)

DEBUG, INFO, WARNING = logging.DEBUG, logging.INFO, logging.WARNING


def result(number, outcome, before=None, after=None, *, type_name="DEAL", **more):
    return TargetResult(target=f"{type_name}_{number}", outcome=outcome, stage_before=before, stage_after=after, **more)


def report_of(results):
    return TriggerReport(code="c", portal="https://example.com", results=list(results))


def lines_of(results, **options):
    return list(report_lines(results, report_of(results), **options))


def test_a_line_begins_with_the_outcome():
    results = [
        result(1, "moved", "NEW", "WON"),
        result(3, "already", "WON", "WON"),
        result(5, "elsewhere", "NEW", "EXECUTING"),
        result(4, "unmoved", "LOSE", "LOSE", place="final"),
        result(6, "failed", error=TargetError("ACCESS_DENIED", "Not allowed.", "no")),
        result(7, "unverified", reason="Verification is off."),
    ]

    assert lines_of(results) == [
        (INFO, "moved NEW -> WON: DEAL_1"),
        (INFO, "already at WON, not fired: DEAL_3"),
        (WARNING, "elsewhere NEW -> EXECUTING, not expected: DEAL_5"),
        (WARNING, "unmoved at LOSE, where its pipeline ends: DEAL_4"),
        (WARNING, "failed (executed: no): DEAL_6"),
        (WARNING, "    Not allowed."),
        (WARNING, "unverified, accepted by the portal: DEAL_7"),
        (WARNING, "    Verification is off."),
    ]


def test_a_stage_that_the_portal_does_not_send_is_said_to_be_so():
    results = [result(1, "moved", None, "WON"), result(2, "elsewhere"), result(4, "already")]
    hidden = "a stage that Bitrix24 does not show"

    assert lines_of(results) == [
        (INFO, f"moved {hidden} -> WON: DEAL_1"),
        (WARNING, f"elsewhere {hidden} -> {hidden}, not expected: DEAL_2"),
        (INFO, f"already at {hidden}, not fired: DEAL_4"),
    ]


def test_entities_with_the_same_outcome_share_a_line_and_runs_are_collapsed():
    results = [result(number, "moved", "NEW", "PREPARATION") for number in range(1000, 1050)]

    assert lines_of(results) == [(INFO, "moved NEW -> PREPARATION: 50 deals (DEAL_1000 to DEAL_1049)")]


@pytest.mark.parametrize(
    ("count", "reason"),
    [(2, "It does not exist, or the webhook's user may not read it."), (6, MISSING_SEVERAL)],
)
def test_the_reason_of_a_group_is_said_of_all_of_them(count, reason):
    missing = TargetError("NOT_FOUND", MISSING, "no")
    results = [result(number, "failed", error=missing) for number in range(1, count + 1)]

    assert lines_of(results)[-1] == (WARNING, f"    {reason}")


def test_types_are_named_apart():
    results = [result(7, "unverified", type_name=name) for name in ("DEAL", "LEAD", "DYNAMIC_177")]

    assert lines_of(results) == [
        (WARNING, "unverified, accepted by the portal: 3 entities (DEAL_7, DYNAMIC_177_7, LEAD_7)")
    ]


@pytest.mark.parametrize("count", [200, 5000, 100_000])
@pytest.mark.no_cover
def test_no_line_is_wider_than_the_view_and_an_outcome_has_few_of_them(count):
    results = [result(10**9 + 2 * number, "moved", "NEW", "PREPARATION") for number in range(count)]

    lines = lines_of(results)

    assert max(len(line) for _, line in lines) <= WIDTH
    assert sum(level > DEBUG for level, _ in lines) <= LINES + 1
    assert sum(line.count("DEAL_") for _, line in lines) == count


@pytest.mark.parametrize(
    ("count", "outcome", "where"),
    [
        (900, "moved", "The report in XCom names all."),
        (5000, "unmoved", "The report in XCom names all."),
        (5000, "moved", "The log names all at the level DEBUG."),
    ],
)
def test_where_all_are_named_is_said(count, outcome, where):
    results = [result(2 * number, outcome, "NEW", "NEW") for number in range(1, count)]

    (said,) = [line for level, line in lines_of(results) if level > DEBUG and "more lines" in line]

    assert said.endswith(where)


def test_many_different_outcomes_of_a_kind_have_few_lines_together():
    results = [result(number, "moved", f"UC_{number}", "WON") for number in range(300)]

    assert sum(level > DEBUG for level, _ in lines_of(results)) < 700


def test_the_causes_are_listed_once_for_all(caplog):
    results = [result(number, "unmoved", "C5:NEW", "C5:NEW") for number in range(300)]
    log = ReportLog(logging.getLogger("task"))

    log.write(results[:100], report_of(results))
    log.conclude(report_of(results))

    said = "\n".join(caplog.messages)
    assert [said.count(each.clause) for each in CAUSES] == [1] * len(CAUSES)


def test_a_few_have_a_line_each():
    results = [result(number, "moved", "NEW", "WON") for number in (1, 2, 3)]

    assert lines_of(results) == [(INFO, f"moved NEW -> WON: DEAL_{number}") for number in (1, 2, 3)]


def test_ignored_unmoved_targets_are_not_a_warning():
    assert lines_of([result(1, "unmoved", "NEW", "NEW")], quiet_unmoved=True) == [(INFO, "unmoved at NEW: DEAL_1")]


def test_an_empty_report_has_no_lines():
    assert lines_of([]) == []


def test_a_result_is_written_once_and_the_counts_come_before_the_rest(caplog):
    results = [result(1, "moved", "NEW", "WON"), result(2, "moved", "NEW", "WON")]
    caplog.set_level(DEBUG)
    log = ReportLog(logging.getLogger("task"))

    log.write(results[:1], report_of(results))
    log.conclude(report_of(results))

    assert caplog.messages == [
        "moved NEW -> WON: DEAL_1",
        "Of 2: 2 moved, 0 already, 0 elsewhere, 0 unmoved, 0 unverified, 0 failed.",
        "moved NEW -> WON: DEAL_2",
    ]


def test_counts_of_thousands_are_written_as_everywhere_else():
    moved = [TargetResult(target=f"DEAL_{number}", outcome="moved") for number in range(1, 2001)]
    line = counts_line(TriggerReport(code="c", portal="https://example.bitrix24.com", results=moved))
    assert line.startswith("Of 2,000: 2,000 moved, 0 already,")
