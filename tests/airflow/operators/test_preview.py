"""A preview of a task: it fires nothing, and fails where the task would."""

from __future__ import annotations

from datetime import timedelta

import pytest

DEALS = ["DEAL_57", "DEAL_58", "DEAL_59"]
RETRIES = {"retries": 2, "retry_delay": timedelta(0)}


@pytest.mark.parametrize("rendered", ["True", "yes", "1"])
def test_a_preview_is_a_table_in_the_log_and_fires_nothing(portal, move, rendered):
    portal.portal.find("DEAL_58").stage_id = "PREPARATION"

    ran = move(
        target=DEALS[:2],
        expected_stage="PREPARATION",
        wait_timeout=600,
        preview="{{ params.preview }}",
        params={"preview": rendered},
    )

    assert ran.state == "success", repr(ran.error)
    assert (ran.report["would_fire"], ran.report["already"], ran.report["moved"]) == (1, 1, 0)
    assert "DEAL_57  NEW          would_fire\nDEAL_58  PREPARATION  already" in ran.said("info")
    assert "The portal does not tell whether a trigger with this code exists" in ran.said("info")
    assert portal.fires == {}


def test_without_a_preview_a_rendered_false_fires(portal, move):
    ran = move(target="DEAL_57", preview="{{ params.preview }}", params={"preview": False})

    assert ran.report["moved"] == 1


def test_a_preview_that_renders_to_something_else_fails_and_sends_nothing(portal, move):
    ran = move(target="DEAL_57", preview="{{ params.preview }}", params={"preview": "perhaps"}, **RETRIES)

    assert ran.state == "failed"
    assert "preview is 'perhaps'" in str(ran.error)
    assert portal.requests.total == 0


def test_a_preview_fails_where_the_task_would_and_keeps_its_report(portal, move):
    ran = move(target=["DEAL_57", "DEAL_999"], preview=True, **RETRIES)

    assert ran.state == "failed"
    assert "DEAL_999: It does not exist" in str(ran.error)
    assert ran.xcoms["report"]["would_fire"] == 1
    assert portal.fires == {}
