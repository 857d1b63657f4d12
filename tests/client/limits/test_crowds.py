"""Hosts that share nothing find their part of the request limit, and none of them is left out."""

from __future__ import annotations

from statistics import mean

import pytest

from airflow_provider_bitrix24.client.limits.retry import RetryPolicy
from tests.support.crowd import Crowd

SEEDS = range(30)


@pytest.mark.parametrize(
    ("hosts", "requests", "seconds", "refused"),
    [(2, 54, 40, 12), (3, 22, 22, 12), (4, 22, 40, 20), (8, 22, 97, 50), (16, 8, 90, 60)],
)
def test_hosts_that_share_nothing_lose_little_time_and_no_patience(hosts, requests, seconds, refused):
    crowds = [Crowd(hosts, requests, seed) for seed in SEEDS]
    for crowd in crowds:
        crowd.run()
    assert mean(crowd.seconds for crowd in crowds) <= seconds
    assert mean(crowd.portal.refused for crowd in crowds) <= refused
    assert max(crowd.refused_in_a_row for crowd in crowds) <= RetryPolicy().paced_attempts / 2
