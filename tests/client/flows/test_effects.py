"""Both drivers perform every effect that a flow can yield, and refuse anything else."""

from __future__ import annotations

from typing import get_args

import pytest

from airflow_provider_bitrix24.client.clock import Clock
from airflow_provider_bitrix24.client.errors import ConnectFailed
from airflow_provider_bitrix24.client.flows.effects import (
    Acquire,
    Acquired,
    Effect,
    Log,
    NoResponse,
    Save,
    Send,
    ShareCost,
    Sleep,
)
from airflow_provider_bitrix24.client.limits.bucket import LeakyBucket
from airflow_provider_bitrix24.client.limits.cost import SharedCost
from airflow_provider_bitrix24.client.protocol.wire import HttpRequest
from tests.support.clock import VirtualClock
from tests.support.drivers import KINDS, run_flow
from tests.support.misbehaving_server import refusing_port


def performed(kind, *effects):
    """The results of effects, performed on a virtual clock that stands at 1000 s."""
    time = VirtualClock(1000.0)

    async def asleep(seconds):
        time.sleep(seconds)

    def flow():
        results = []
        for effect in effects:
            results.append((yield effect))  # noqa: PERF401 - a comprehension cannot yield
        return results

    clock = Clock(monotonic=time, sleep=time.sleep, asleep=asleep)
    return run_flow(kind, flow(), bucket=LeakyBucket(50, 2.0), clock=clock)


@pytest.mark.parametrize("kind", KINDS)
def test_every_effect_has_its_result(kind, caplog):
    with refusing_port() as port, caplog.at_level("INFO"):
        request = HttpRequest("scope", f"http://127.0.0.1:{port}/", b"{}")
        effects = {
            Sleep(2.5, "retry"): 1002.5,
            Acquire(60): Acquired(48, 0.0, 1002.5),
            Acquire(1): Acquired(1, 0.5, 1002.5),
            ShareCost("c"): SharedCost(None, 0.0),
            ShareCost("c", 0.25): SharedCost(0.25),
            Log("heard"): None,
        }
        *results, answers, saved = performed(kind, *effects, Send((request, request)), Save("record", {}, ahead=True))
    assert results == list(effects.values())
    assert saved == 1002.5
    assert "heard" in caplog.messages
    assert [(type(answer), type(answer.error)) for answer in answers] == [(NoResponse, ConnectFailed)] * 2
    assert {type(effect) for effect in effects} | {Send, Save} == set(get_args(Effect)), "a new effect belongs here"


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_an_effect_is_a_bug(kind):
    with pytest.raises(AssertionError):
        performed(kind, "send")
