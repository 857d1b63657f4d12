from __future__ import annotations

from airflow_provider_bitrix24._tasks.preview_table import LINES, firing_lines, table
from airflow_provider_bitrix24.client.report import TargetError, TargetResult, TriggerReport


def report(*results):
    return TriggerReport(code="c", portal="https://example.bitrix24.com", results=list(results), preview=True)


def would_fire(number, stage="NEW", reason=None):
    return TargetResult(target=f"DEAL_{number}", outcome="would_fire", stage_before=stage, reason=reason)


def test_each_target_has_a_line_and_columns_are_aligned():
    missing = TargetResult(target="DEAL_100", outcome="failed", error=TargetError("NOT_FOUND", "It is gone.", "no"))

    lines = list(firing_lines(report(would_fire(7), would_fire(8, None, "Verification is off."), missing)))

    assert lines[:4] == [
        "TARGET    STANDS AT  OUTCOME",
        "DEAL_7    NEW        would_fire",
        "DEAL_8    ?          would_fire (Verification is off.)",
        "DEAL_100  ?          failed: It is gone.",
    ]
    assert lines[4].startswith("Of 3: 2 would_fire, 0 already, 1 failed. The portal does not tell")


def test_many_targets_with_the_same_outcome_share_lines_and_all_are_named():
    lines = list(firing_lines(report(*(would_fire(number) for number in range(1, 101)))))

    assert len(lines) == 1 + 100 // 20 + 1
    named = " ".join(line.partition("  ")[0] for line in lines[1:-1]).split()
    assert named == [f"DEAL_{number}" for number in range(1, 101)]


def test_a_table_without_rows_has_its_heads():
    assert list(table(("STANDS AT",), [])) == ["TARGET  STANDS AT"]
    assert len(list(table(("X",), [(f"DEAL_{each}", ("x",)) for each in range(LINES)]))) == LINES + 1
