from __future__ import annotations

import logging

from airflow_provider_bitrix24._tasks.report_log import LINES, PER_LINE, report_lines
from airflow_provider_bitrix24.client.report import UNMOVED_CAUSES, TargetError, TargetResult

INFO, WARNING = logging.INFO, logging.WARNING


def result(number, outcome, before=None, after=None, **more):
    return TargetResult(target=f"DEAL_{number}", outcome=outcome, stage_before=before, stage_after=after, **more)


def test_a_few_targets_have_a_line_each():
    results = [
        result(1, "moved", "NEW", "WON"),
        result(2, "moved", "NEW", "WON"),
        result(3, "already", "WON", "WON"),
        result(4, "unmoved", "LOSE", "LOSE"),
        result(5, "elsewhere", "NEW", "EXECUTING", reason="WIN is no stage."),
        result(6, "failed", error=TargetError("ACCESS_DENIED", "Not allowed.", "no")),
    ]

    assert list(report_lines(results)) == [
        (INFO, "DEAL_1 moved: NEW -> WON"),
        (INFO, "DEAL_2 moved: NEW -> WON"),
        (INFO, "DEAL_3 already at WON: not fired"),
        (WARNING, "DEAL_4 unmoved: stands at LOSE"),
        (WARNING, "DEAL_5 elsewhere: NEW -> EXECUTING, which is not expected. WIN is no stage."),
        (WARNING, "DEAL_6 failed: Not allowed. (executed: no)"),
        (WARNING, UNMOVED_CAUSES),
    ]


def test_unverified_targets_share_one_warning():
    results = [result(number, "unverified", reason="Not asked to look.") for number in (1, 2, 3)]

    assert list(report_lines(results)) == [(WARNING, "DEAL_1 DEAL_2 DEAL_3 unverified: accepted. Not asked to look.")]


def test_many_targets_share_lines_and_each_is_named_once():
    results = [result(number, "moved", "NEW", "WON") for number in range(LINES * 2 + 1)]
    results.append(result(999, "unmoved", "NEW", "NEW"))

    lines = list(report_lines(results))

    assert len(lines) == 3 + 1 + 1
    named = [word for _, line in lines for word in line.split() if word.startswith("DEAL_")]
    assert sorted(named) == sorted(each.target for each in results)
    assert max(line.count("DEAL_") for _, line in lines) == PER_LINE


def test_the_causes_are_listed_once():
    results = [result(number, "unmoved", "NEW", "NEW") for number in range(300)]

    assert [line for _, line in report_lines(results)].count(UNMOVED_CAUSES) == 1


def test_ignored_unmoved_targets_are_not_a_warning():
    results = [result(1, "unmoved", "NEW", "NEW")]

    assert list(report_lines(results, quiet_unmoved=True)) == [(INFO, "DEAL_1 unmoved: stands at NEW")]


def test_an_empty_report_has_no_lines():
    assert list(report_lines([])) == []
