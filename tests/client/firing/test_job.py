"""What is to be fired: the call for one target, and what a batch would do to its code."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.entity_ref import EntityRef
from airflow_provider_bitrix24.client.firing.job import Job, Target
from airflow_provider_bitrix24.client.stages import Snapshot
from tests.support.firing import NEW, NEXT, deal


@pytest.mark.parametrize(
    ("code", "batchable"),
    [
        ("c5u4m", True),
        (None, True),
        ("$", True),
        ("$result", False),
        ("$result[c0]", False),
        ("$RESULT[c0]", False),
        ("x$Next[a]", False),
        ("$error[0]", False),
        ("$time", False),
        ("$total[c0]", False),
    ],
)
def test_a_code_that_a_batch_would_replace_is_not_put_into_one(code, batchable):
    assert Job(code=code).batchable is batchable


def test_the_documented_call_has_a_target_and_a_code_if_there_is_one():
    assert Job(code="c").call(EntityRef(2, 57)).params == {"target": "DEAL_57", "code": "c"}
    assert Job(code=None).call(EntityRef(2, 57)).params == {"target": "DEAL_57"}


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (NEW, NEXT, True),
        (NEW, NEW, False),
        (NEW, Snapshot("NEW", 0, "later"), True),
        (None, NEXT, False),
        (NEW, None, False),
    ],
)
def test_a_target_shows_a_move_only_between_two_readings(before, after, shown):
    assert Target(deal(1), before=before, after=after).shows_a_move is shown


def test_a_target_that_nobody_has_decided_about_counts_as_failed():
    assert Target(deal(57), before=NEW).result().as_dict() == {
        "target": "DEAL_57",
        "outcome": "failed",
        "stage_before": "NEW",
        "stage_after": None,
    }
