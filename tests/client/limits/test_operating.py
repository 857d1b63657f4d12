"""The working time of a method is waited for only where the portal has reported it."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.limits.operating import OperatingBudget
from airflow_provider_bitrix24.client.protocol.wire import Timing


def test_working_time_is_waited_for_only_beyond_its_limit():
    budget = OperatingBudget()
    assert budget.wait("m", 0.0) == 0
    budget.note("m", Timing(480.0, 100.0), 10.0)
    assert budget.wait("m", 10.0) == 0
    budget.note("m", Timing(480.5, 100.0), 10.0)
    assert budget.wait("m", 10.0) == 100
    assert budget.wait("m", 60.0) == 50
    assert budget.wait("m", 111.0) == 0
    assert budget.wait("other", 10.0) == 0


def test_a_portal_that_reports_no_working_time_changes_nothing():
    budget = OperatingBudget()
    budget.note("m", Timing(481.0, None), 0.0)
    budget.note("m", Timing(None, 5.0), 0.0)
    assert budget.wait("m", 0.0) == 0
    assert budget.note_refusal("m", 0.0) is None
    assert budget.capacity("m", 0.0, 1.0) is None


def test_a_refusal_shows_when_the_oldest_minute_becomes_free_and_where_the_limit_is():
    budget = OperatingBudget()
    budget.note("m", Timing(100.0, 30.0), 50.0)
    assert budget.note_refusal("m", 51.0) == 29
    assert budget.limit == 100
    budget.note("m", Timing(90.0, 30.0), 50.0)
    assert budget.note_refusal("m", 60.0) == 20
    assert budget.limit == 100, "ten seconds later the portal's figure proves nothing any more"
    assert budget.note_refusal("m", 90.0) == 0


@pytest.mark.parametrize(
    ("operating", "cost", "capacity"),
    [(0.0, 1.0, 481), (470.0, 1.0, 11), (479.5, 1.0, 1), (500.0, 1.0, 1), (0.0, 0.0, None)],
)
def test_the_capacity_is_what_the_limit_still_allows_and_at_least_one(operating, cost, capacity):
    budget = OperatingBudget()
    budget.note("m", Timing(operating, 100.0), 0.0)
    assert budget.capacity("m", 1.0, cost) == capacity
    assert budget.capacity("m", 101.0, cost) is None


def test_no_wait_is_longer_than_the_window_of_ten_minutes():
    budget = OperatingBudget()
    budget.note("m", Timing(500.0, 1e9), 0.0)
    assert budget.wait("m", 0.0) == 600
    assert budget.note_refusal("m", 0.0) == 600


@pytest.mark.parametrize("cost", [5e-324, 1e308])
@pytest.mark.parametrize("operating", [-1e308, 0.0, 1e308])
def test_the_capacity_is_a_number_whatever_is_reported(operating, cost):
    budget = OperatingBudget()
    budget.note("m", Timing(operating, 10.0), 0.0)
    assert budget.capacity("m", 0.0, cost) >= 1
