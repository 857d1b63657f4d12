from __future__ import annotations

import pytest

from airflow_provider_bitrix24.simulator.portal.latency import Latency


def test_milliseconds_become_seconds_and_an_omitted_value_stays():
    latency = Latency()
    latency.set(request_ms=20)
    latency.set(command_ms=5)
    assert (latency.request_seconds, latency.command_seconds) == (0.02, 0.005)


@pytest.mark.parametrize("name", ["request_ms", "command_ms"])
def test_a_negative_latency_is_refused(name):
    with pytest.raises(ValueError, match="from 0 to 86400 seconds"):
        Latency().set(**{name: -1})
