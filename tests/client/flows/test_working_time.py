"""Requests that do not fire hold working time where it is scarce, so that nobody is banned by reading."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.errors import ConnectFailed, OutcomeUnknown
from airflow_provider_bitrix24.client.flows.calls import Attempt, Channel
from airflow_provider_bitrix24.client.flows.effects import ShareWorkingTime
from airflow_provider_bitrix24.client.flows.working_time import ASK_AFTER, HeldTime
from airflow_provider_bitrix24.client.limits.operating import Figure, Knowledge
from airflow_provider_bitrix24.client.limits.work import Work
from airflow_provider_bitrix24.client.limits.working_time import WorkingTimeState, share_working_time
from airflow_provider_bitrix24.client.portal import Portal
from airflow_provider_bitrix24.client.protocol.wire import Reply
from scripts.virtual_hosts import VirtualHosts, in_virtual_time

CALL = Work("m")


@pytest.fixture
def channel():
    return Channel(portal=Portal(base_url="https://example.bitrix24.com", user_id="1", secret="s"))


@pytest.fixture
def exchanges():
    """The claims of a flow, and a function that performs it."""
    claims, state = [], WorkingTimeState()

    def perform(flow):
        nonlocal state
        result = None
        while True:
            try:
                effect = flow.send(result)
            except StopIteration as end:
                return end.value
            assert isinstance(effect, ShareWorkingTime)
            claims.append((effect.claim.commands, dict(effect.claim.seconds)))
            state, result = share_working_time(state, 0.0, effect.report, effect.claim)

    return claims, perform


def attempts(*seconds, reply=None):
    return [Attempt(reply or Reply(result=None), 0.0, each) for each in seconds]


def known(seconds, **more):
    return Knowledge({"m": Figure(seconds, 0.0, 100.0, **more)}, bills_batches=True)


def test_short_requests_far_from_the_limit_ask_once_in_a_while_and_hold_nothing(channel, exchanges):
    claims, perform = exchanges
    for now in (0.0, 1.0, ASK_AFTER, ASK_AFTER + 0.1):
        held = HeldTime(channel, CALL)
        assert perform(held.claim(1, now)).commands == 1
        perform(held.settle(attempts(0.1)))
    assert claims == [(0, {})] * 2


@pytest.mark.parametrize(("seconds", "requests", "holds"), [(1.0, 1, False), (5.0, 1, True), (1.0, 5, True)])
def test_long_requests_always_hold_what_they_take_and_give_it_back(channel, exchanges, seconds, requests, holds):
    claims, perform = exchanges
    channel.work.note(CALL, seconds)
    held = HeldTime(channel, CALL)
    assert perform(held.claim(requests, 0.0)).commands == requests
    perform(held.settle(attempts(seconds)))
    assert claims == ([(requests, {"m": seconds * requests}), (0, {})] if holds else [(0, {})])


def test_short_requests_hold_what_they_take_where_the_limit_is_near_or_the_method_is_banned(channel, exchanges):
    claims, perform = exchanges
    channel.work.note(CALL, 0.5)
    channel.operating.known = known(198.9)
    perform(HeldTime(channel, CALL).claim(1, 0.0))
    channel.operating.known = known(199.0)
    perform(HeldTime(channel, CALL).claim(1, 0.0))
    channel.operating.known = known(0.0, banned_until=50.0)
    assert perform(HeldTime(channel, CALL).claim(1, 0.0)).wait == 51.0
    assert claims == [(0, {}), (1, {"m": 0.5}), (1, {"m": 0.5})]


def test_a_portal_that_reports_no_working_time_limits_nothing(channel, exchanges):
    claims, perform = exchanges
    channel.operating.reported = False
    assert perform(HeldTime(channel, Work("batch", ("m",) * 50)).claim(4, 0.0)).commands == 4
    assert claims == []


def test_what_a_request_without_an_answer_holds_stays_held(channel, exchanges):
    claims, perform = exchanges
    channel.work.note(CALL, 30.0)
    held = HeldTime(channel, CALL)
    perform(held.claim(1, 0.0))
    first = held._holder
    perform(held.settle(attempts(60.0, reply=OutcomeUnknown("Nothing came."))))
    assert len(claims) == 1
    assert held._holder != first, "the next claim does not replace it"
    assert channel.work.seconds(CALL) == 60.0
    perform(held.claim(1, 0.0))
    perform(held.settle(attempts(1.0, reply=ConnectFailed("No connection."))))
    assert len(claims) == 3, "what was not sent has not worked"
    assert channel.work.seconds(CALL) == 60.0


async def batches(client):
    for _ in range(4):
        reply = await client.batch({str(n): ("crm.item.get", {"entityTypeId": 2, "id": 1 + n}) for n in range(100)})
        assert reply.errors == {}


async def calls(client):
    for _ in range(45):
        await client.call("crm.item.get", {"entityTypeId": 2, "id": 1})


async def searches(client):
    for _ in range(3):
        assert len(await client.find_entities("deal", {">id": 0}, limit=2000)) == 1500


@pytest.mark.no_cover  # lines that the tests above cover, many times
@pytest.mark.parametrize(
    ("work", "processes", "seconds"),
    [(batches, 2, 1.1), (calls, 4, 3.0), (searches, 5, 1.0)],
)
def test_readings_and_batches_of_several_processes_are_never_banned(work, processes, seconds):
    async def scenario():
        hosts = VirtualHosts(share=True)
        hosts.portal.operating.set_profile("2026-09")
        hosts.portal.latency.set(command_ms=1000 * seconds)
        hosts.deals(1500)

        async def one():
            async with hosts.client() as client:
                await work(client)

        await hosts.together([one() for _ in range(processes)])
        return hosts

    hosts = in_virtual_time(scenario())
    limits = hosts.portal.operating
    assert (limits.bans, limits.refused, hosts.portal.limits.refused) == (0, 0, 0)
    assert hosts.seconds > 600, "more work than one window allows"
