"""Hosts behind one address: together as fast as the limit allows, or each with a part of it that it finds by itself."""

from __future__ import annotations

from statistics import mean

import pytest

from airflow_provider_bitrix24.client.limits.retry import RetryPolicy
from tests.support.crowd import Crowd

SEEDS = range(30)


@pytest.mark.parametrize(
    ("hosts", "requests", "seconds", "refused"),
    [(2, 54, 40, 12), (3, 21, 17, 10), (3, 22, 18, 12), (4, 22, 40, 20), (8, 22, 102, 50), (16, 8, 90, 60)],
)
def test_hosts_that_share_nothing_lose_little_time_and_no_patience(hosts, requests, seconds, refused):
    crowds = [Crowd(hosts, requests, seed) for seed in SEEDS]
    for crowd in crowds:
        crowd.run()
    assert mean(crowd.seconds for crowd in crowds) <= seconds
    assert mean(crowd.portal.refused for crowd in crowds) <= refused
    assert max(crowd.refused_in_a_row for crowd in crowds) <= RetryPolicy().paced_attempts / 2


@pytest.mark.parametrize("travel", [0.01, 0.4])
@pytest.mark.parametrize("drain", ["steps", "continuous"])
@pytest.mark.parametrize(("hosts", "requests"), [(1, 108), (2, 54), (3, 21), (3, 22), (8, 22), (60, 1)])
def test_hosts_that_share_a_store_are_never_refused_however_long_requests_travel(hosts, requests, drain, travel):
    for seed in range(10):
        crowd = Crowd(hosts, requests, seed, share=True, travel=travel)
        crowd.portal.drain = drain
        crowd.run()
        assert crowd.portal.refused == 0


@pytest.mark.parametrize(("hosts", "requests"), [(1, 108), (2, 51), (2, 54), (3, 21), (3, 22), (8, 21), (8, 22)])
def test_hosts_that_share_a_store_are_nearly_as_fast_as_the_limit_allows(hosts, requests):
    for seed in range(10):
        crowd = Crowd(hosts, requests, seed, share=True)
        crowd.run()
        assert crowd.seconds <= 1.06 * crowd.floor
