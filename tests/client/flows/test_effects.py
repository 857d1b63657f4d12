"""Both drivers perform every effect that a flow can yield, and refuse anything else."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import get_args

import pytest

from airflow_provider_bitrix24.client.clock import Clock
from airflow_provider_bitrix24.client.errors import ConnectFailed
from airflow_provider_bitrix24.client.flows.effects import (
    Acquire,
    Acquired,
    Consult,
    Effect,
    Log,
    NoResponse,
    Save,
    Send,
    ShareCost,
    ShareWorkingTime,
    Sleep,
    Uninterrupted,
)
from airflow_provider_bitrix24.client.limits.bucket import LeakyBucket
from airflow_provider_bitrix24.client.limits.cost import SharedCost
from airflow_provider_bitrix24.client.limits.operating import Knowledge
from airflow_provider_bitrix24.client.limits.working_time import WorkingTimeClaim, WorkingTimeGrant
from airflow_provider_bitrix24.client.protocol.wire import HttpRequest
from airflow_provider_bitrix24.client.settings import ClientSettings
from airflow_provider_bitrix24.client.stores.pacer import Pacer
from airflow_provider_bitrix24.client.stores.process import ProcessStore
from airflow_provider_bitrix24.client.transports.aio import AsyncDriver
from tests.support.clock import VirtualClock
from tests.support.drivers import KINDS, LOG, run_flow
from tests.support.misbehaving_server import refusing_port


def performed(kind, *effects):
    """The results of effects, performed on a virtual clock that stands at 1000 s."""
    virtual = VirtualClock(1000.0)

    async def asleep(seconds):
        virtual.sleep(seconds)

    def flow():
        results = []
        for effect in effects:
            results.append((yield effect))  # noqa: PERF401 - a comprehension cannot yield
        return results

    clock = Clock(monotonic=virtual, sleep=virtual.sleep, asleep=asleep)
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
            Consult(tuple): (),
        }
        claim = ShareWorkingTime("credential", Knowledge(), WorkingTimeClaim("me", 3, {"m": 3.0}))
        *results, answers, saved, granted = performed(
            kind, *effects, Send((request, request)), Save("record", {}, ahead=True), claim
        )
    assert results == list(effects.values())
    assert saved == 1002.5
    assert granted == WorkingTimeGrant(3)
    assert "heard" in caplog.messages
    assert [(type(answer), type(answer.error)) for answer in answers] == [(NoResponse, ConnectFailed)] * 2
    assert {type(effect) for effect in effects} | {Send, Save, ShareWorkingTime, Uninterrupted} == set(
        get_args(Effect)
    ), "a new effect belongs here"


def inner(performed, started=None):
    """A flow that takes a while."""
    if started is not None:
        started.set()
    performed.append((yield Consult(lambda: None)))
    performed.append((yield Consult(lambda: "end")))
    return "result"


@pytest.mark.parametrize("kind", KINDS)
def test_a_flow_inside_a_flow_is_performed(kind):
    done = []
    assert performed(kind, Uninterrupted(inner(done))) == ["result"]
    assert done == [None, "end"]


async def test_a_flow_that_must_not_be_interrupted_outlives_its_cancelled_caller():
    done, started = [], asyncio.Event()

    def flow():
        yield Uninterrupted(inner(done, started))

    settings = ClientSettings()
    driver = AsyncDriver(settings, pacer=Pacer(store=ProcessStore(), key="portal", bucket=None), log=LOG)
    running = asyncio.create_task(driver.run(flow()))
    await started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert done == [None, "end"]
    await driver.close()


def test_a_flow_that_must_not_be_interrupted_ends_before_a_signal_does_its_work(monkeypatch):
    done = []

    class Stopped(BaseException):
        pass

    def flow():
        yield Uninterrupted(inner(done))

    monkeypatch.setattr(Future, "result", lambda *_: (_ for _ in ()).throw(Stopped))
    with pytest.raises(Stopped):
        run_flow("sync", flow())
    assert done == [None, "end"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_an_effect_is_a_bug(kind):
    with pytest.raises(AssertionError):
        performed(kind, "send")
