"""The clock that everything waits by: the machine's, unless a test passes its own."""

from __future__ import annotations

import asyncio
import time

import pytest

from airflow_provider_bitrix24.client.clock import SYSTEM_CLOCK, Clock


def test_by_default_it_is_the_machines():
    before = time.monotonic(), time.time()
    now = SYSTEM_CLOCK.monotonic(), SYSTEM_CLOCK.now()
    assert before[0] <= now[0]
    assert before[1] <= now[1]
    assert 0 <= SYSTEM_CLOCK.random() < 1
    SYSTEM_CLOCK.sleep(0)
    asyncio.run(SYSTEM_CLOCK.asleep(0))


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 5.0), (0.5, 7.5), (1.0, 10.0)])
def test_jitter_is_half_of_the_seconds_to_all_of_them(chance, seconds):
    assert Clock(random=lambda: chance).jitter(10.0) == seconds
