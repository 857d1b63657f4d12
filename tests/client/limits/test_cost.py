"""One process measures what a command costs; the others wait a little and take over its figure."""

from __future__ import annotations

from airflow_provider_bitrix24.client.limits.cost import (
    COST_HOLDS,
    PROBE_PATIENCE,
    CostState,
    SharedCost,
    share_cost,
)


def test_the_first_process_that_asks_measures_and_others_wait_a_little():
    state, first = share_cost(CostState(), 100.0, None)
    assert first == SharedCost(None, 0.0)
    state, second = share_cost(state, 100.5, None)
    assert second.seconds is None
    assert second.wait > 0
    state, result = share_cost(state, 101.0, 0.73)
    assert result == SharedCost(0.73)
    assert share_cost(state, 101.0 + COST_HOLDS, None)[1] == SharedCost(0.73)
    assert share_cost(state, 102.0 + COST_HOLDS, None)[1] == SharedCost(None, 0.0)


def test_no_process_waits_for_a_measurement_that_never_comes_or_lies_in_the_future():
    state, _ = share_cost(CostState(), 100.0, None)
    assert share_cost(state, 100.0 + PROBE_PATIENCE, None)[1] == SharedCost(None, 0.0)
    assert share_cost(CostState(probed_at=1e9), 100.0, None)[1] == SharedCost(None, 0.0)
    assert share_cost(CostState(seconds=1.0, noted_at=1e9), 100.0, None)[1] == SharedCost(None, 0.0)


def test_a_measurement_that_began_at_the_first_second_counts_and_ends_with_its_result():
    assert share_cost(CostState(probed_at=0.5), 1.0, None)[1] == SharedCost(None, 0.1)
    state, _ = share_cost(CostState(probed_at=100.0), 100.5, 0.5)
    assert state == CostState(0.5, 100.5, 0.0)


def test_a_cost_of_nothing_is_known_from_its_moment_on_for_a_minute():
    state, _ = share_cost(CostState(), 100.0, 0.0)
    assert [share_cost(state, now, None)[1].seconds for now in (100.0, 160.0, 160.5)] == [0.0, 0.0, None]


def test_at_the_first_second_of_a_clock_nobody_is_measuring():
    assert share_cost(CostState(), 1.0, None)[1] == SharedCost(None, 0.0)


def test_a_process_that_asks_at_the_moment_when_another_begins_waits_and_does_so_for_two_seconds():
    state, _ = share_cost(CostState(), 100.0, None)
    assert [share_cost(state, now, None)[1].wait > 0 for now in (100.0, 101.9, 102.0)] == [True, True, False]
