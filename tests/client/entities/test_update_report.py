"""What became of an update that was sent like a fire."""

from __future__ import annotations

from typing import get_args

import pytest

from airflow_provider_bitrix24.client.entities.update_report import UpdateResult
from airflow_provider_bitrix24.client.report import Outcome, TargetResult

NOT_UPDATED = {"already": "unchanged", "failed": "failed", "would_fire": "would_update"}


@pytest.mark.parametrize("outcome", get_args(Outcome))
def test_each_outcome_of_a_fire_is_one_of_an_update(outcome):
    fired = TargetResult(target="DEAL_57", outcome=outcome)
    assert UpdateResult.from_fire(fired).outcome == NOT_UPDATED.get(outcome, "updated")
