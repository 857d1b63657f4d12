"""How old a reading may be by which targets are fired."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.firing.freshness import FORGOTTEN_STALE_AFTER, STALE_AFTER, Freshness


@pytest.mark.parametrize(("forgotten", "limit"), [(False, STALE_AFTER), (True, FORGOTTEN_STALE_AFTER)])
def test_a_reading_is_too_old_after_a_wait_and_at_once_where_an_earlier_try_is_forgotten(forgotten, limit):
    freshness = Freshness.of(100.0, forgotten=forgotten)
    assert not freshness.expires(100.0 + limit)
    assert freshness.expires(100.1 + limit)


def test_short_waits_add_up():
    freshness = Freshness.of(0.0, forgotten=False)
    assert [freshness.expires(moment) for moment in (50.0, 100.0)] == [False, True]


@pytest.mark.parametrize(("forgotten", "times"), [(False, 1), (True, 3)])
def test_a_busy_portal_ends_the_reading_before_a_fire_and_the_next_fire_begins_anew(forgotten, times):
    freshness = Freshness.of(0.0, forgotten=forgotten)
    assert [freshness.expires(100.0 * each) for each in range(1, 6)] == [True] * times + [False] * (5 - times)
    freshness.record_fire(500.0)
    assert freshness.expires(600.0)


@pytest.mark.parametrize("forgotten", [False, True])
def test_a_reading_is_as_old_as_its_request_and_nobody_makes_it_younger_who_did_not_look(forgotten):
    freshness = Freshness.of(0.0, forgotten=forgotten)
    freshness.record_reading(90.0)
    freshness.record_reading(None)
    assert not freshness.expires(92.0)
    assert freshness.expires(151.0)


def test_an_answer_to_a_fire_is_no_reading_of_the_targets_that_follow_where_an_earlier_try_is_forgotten():
    known, forgotten = (Freshness.of(0.0, forgotten=each) for each in (False, True))
    for each in known, forgotten:
        each.record_fire(59.0)
    assert (known.expires(61.0), forgotten.expires(61.0)) == (False, True)
