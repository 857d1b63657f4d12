from __future__ import annotations

import pytest

from airflow_provider_bitrix24._tasks import updating
from airflow_provider_bitrix24.client.entities.update_report import UpdateReport, UpdateResult
from airflow_provider_bitrix24.client.report import MISSING, TargetError

REFUSED = TargetError("ACCESS_DENIED", "No.", "no")
LOST = TargetError("OutcomeUnknown", "No answer.", "unknown", permanent=False)


def result(number, outcome, error=None):
    return UpdateResult(target=f"DEAL_{number}", outcome=outcome, error=error)


def report(*results, preview=False):
    return UpdateReport(portal="https://example.bitrix24.com", results=list(results), preview=preview)


def decide(*results, fails=True, moving=(), survives=False):
    return updating.decide(report(*results), fails=fails, moving=moving, survives=survives)


def test_a_report_survives_in_the_form_of_a_fired_one():
    whole = report(result(1, "updated"), result(2, "unchanged"), result(3, "failed", REFUSED))

    assert updating.from_fired(updating.as_fired(whole)).as_dict() == whole.as_dict()


def test_a_task_succeeds_without_failures_or_if_they_are_a_warning():
    assert decide(result(1, "updated"), result(2, "unchanged")).end == "succeed"
    assert decide(result(1, "failed", LOST), fails=False).end == "succeed"


def test_failures_that_no_retry_helps_fail_it_for_good():
    verdict = decide(result(1, "updated"), result(2, "failed", REFUSED))

    assert verdict.end == "fail"
    assert "1 of 2 updates failed: DEAL_2: No (executed: no)." in verdict.message


def test_failures_with_one_reason_share_it():
    missing = TargetError("NOT_FOUND", MISSING, "no")

    verdict = decide(*(result(each, "failed", missing) for each in (1, 2, 3, 9)), result(5, "failed", LOST))

    assert verdict.message == (
        "5 of 5 updates failed: DEAL_1 to DEAL_3, DEAL_9: They do not exist, or the webhook's user may not read them "
        "(executed: no); DEAL_5: No answer (executed: unknown)."
    )


@pytest.mark.parametrize(
    ("moving", "survives", "end"),
    [((), False, "retry"), (("DEAL_1",), True, "retry"), (("DEAL_1",), False, "fail"), (("DEAL_9",), False, "retry")],
)
def test_a_retry_follows_where_it_cannot_move_an_entity_twice(moving, survives, end):
    verdict = decide(result(1, "updated"), result(2, "failed", LOST), moving=moving, survives=survives)

    assert verdict.end == end
    assert ("could move entities twice" in verdict.message) == (end == "fail")


def test_many_updates_share_lines_and_failures_are_warnings():
    found = list(
        updating.lines(report(*(result(each, "updated") for each in range(60)), result(99, "failed", REFUSED)))
    )

    levels = {text.partition("  ")[2].strip(): level for level, text in found}
    assert levels["updated"] == 20
    assert levels["failed: No (executed: no)."] == 30
    assert found[0] == (20, "Of 61: 60 updated, 0 unchanged, 1 failed.")
    assert len(found) == 1 + 3 + 1 + 1
