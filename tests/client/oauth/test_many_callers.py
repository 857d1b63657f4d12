"""Many callers meet one expired token; callers die at any step; half a day passes."""

from __future__ import annotations

import asyncio
import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_provider_bitrix24.client import AsyncBitrix24Client, Bitrix24Client
from airflow_provider_bitrix24.client.errors import AuthenticationError
from airflow_provider_bitrix24.client.flows.effects import Consult, Send, Uninterrupted
from airflow_provider_bitrix24.simulator.testing import SimulatorServer
from tests.support.token_rig import TokenRig, token_rig

CALLERS = 32


@pytest.fixture
def real_rig(tmp_path):
    """A rig on the machine's clock, since callers that wait for each other must not drive time."""
    with SimulatorServer(plan="self-hosted") as server:
        rig = TokenRig(server, tmp_path, atomic=False)
        rig.authorize()
        yield rig


def test_threads_and_coroutines_that_meet_an_expired_token_refresh_it_once(real_rig):
    rig = real_rig
    rig.expire()
    portal, options = rig.application_portal(), {"settings": rig.settings, "log": rig.log}

    def by_thread(_):
        with Bitrix24Client(portal, **options) as client:
            return client.call("scope")

    async def by_coroutines():
        async with AsyncBitrix24Client(portal, **options) as client:
            return await asyncio.gather(*(client.call("scope") for _ in range(CALLERS)))

    with ThreadPoolExecutor(CALLERS + 1) as threads:
        coroutines = threads.submit(asyncio.run, by_coroutines())
        results = list(threads.map(by_thread, range(CALLERS))) + coroutines.result()

    assert results == [["crm"]] * 2 * CALLERS
    assert (rig.refreshes, rig.portal.tokens.refused_refreshes) == (1, 0)


class Killed(BaseException):
    """The process is gone; what it has done so far stays done."""


def dying_call(rig, after):
    """Call the portal, and die after so many effects; returns the effects and what came of the last one."""
    performed = []
    with rig.client() as client:
        driver = client._driver
        perform = driver._perform

        def perform_or_die(effect, checkpoint_store):
            if isinstance(effect, Uninterrupted):  # in this thread, since a kill spares none
                return driver.run(effect.flow)
            if len(performed) == after:
                raise Killed
            result = perform(effect, checkpoint_store)
            performed.append(effect)
            return result

        driver._perform = perform_or_die
        try:
            client.call("scope")
        except Killed:
            return performed, False
    return performed, True


def between_answer_and_store(rig, performed):
    """Whether the server has answered a refresh whose pair is not stored."""
    asked = [effect for effect in performed if isinstance(effect, Send) and effect.requests[0].method == "oauth.token"]
    return bool(asked) and "pair" not in rig.store.written


@pytest.mark.parametrize("atomic", [True, False])
def test_a_kill_loses_the_chain_only_between_the_answer_and_the_store_and_is_told(tmp_path, atomic):
    ends = []
    for after in range(60):
        with token_rig(tmp_path, atomic=atomic) as rig:
            rig.authorize()
            rig.expire()
            performed, finished = dying_call(rig, after)
            rig.new_process()
            lost = between_answer_and_store(rig, performed)
            if lost:
                with pytest.raises(AuthenticationError, match=r"Process \d+ of host .* asked for new ones at"):
                    rig.do("sync", "call", "scope")
                rig.authorize()
            assert rig.do("sync", "call", "scope") == ["crm"]
            ends.append(lost)
        if finished:
            break
    assert finished
    assert 1 <= sum(ends) <= 3, "the mask, and the store itself"


@pytest.mark.parametrize("seed", range(8))
def test_random_kills_and_lost_answers_leave_a_chain_or_say_so(tmp_path, seed):
    """200 lives of processes in all: each dies somewhere, or the network fails."""
    told: list[str] = []
    draw = random.Random(seed)  # noqa: S311 - repeatable, not secret
    with token_rig(tmp_path, atomic=draw.random() < 0.5) as rig:
        rig.authorize()
        for _ in range(25):
            rig.expire()
            rig.store.written.clear()
            fault = draw.choice([None, None, {"kind": "cut"}, {"kind": "html"}, {"kind": "cut", "when": "after"}])
            rig.server.faults.script([fault | {"method": "oauth.token"}] if fault else [])
            try:
                performed, _ = dying_call(rig, draw.randrange(40))
            except AuthenticationError as error:
                performed = None
                told.append(str(error))
            rig.server.faults.clear()
            rig.new_process()
            if performed is None or between_answer_and_store(rig, performed):
                rig.authorize()
            assert rig.do("sync", "call", "scope") == ["crm"]
    assert all("asked for new ones at" in each for each in told)


def test_half_a_day_takes_one_refresh_an_hour_and_no_call_fails(tmp_path):
    """A worker calls every ten minutes, a deferred wait polls every five, and each is a process of its own."""
    with token_rig(tmp_path) as rig:
        rig.authorize()
        waits = rig.async_client

        async def half_a_day():
            async with waits() as deferred:
                for minute in range(0, 12 * 60, 5):
                    assert await deferred.call("scope") == ["crm"]
                    if minute % 10 == 0:
                        assert await asyncio.to_thread(rig.do, "sync", "call", "scope") == ["crm"]
                    rig.server.clock.advance(300)

        asyncio.run(half_a_day())
        assert 11 <= rig.refreshes <= 12
        assert rig.portal.tokens.refused_refreshes == 0


def test_a_consulted_store_never_stops_the_loop(tmp_path):
    """What may block is an effect of its own, which a loop performs in another thread."""
    with token_rig(tmp_path) as rig:
        rig.authorize()
        source = rig.source()
        flow = source.ready()
        effect = next(flow)
        assert isinstance(effect, Consult)
        assert effect.function().pair == rig.store.kept.pair
