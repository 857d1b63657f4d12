"""The portal's clock: limits, robots, the 60 s cut, and a day that passes in no time."""

from __future__ import annotations

import asyncio
import socket
import time
from itertools import pairwise

import pytest

from airflow_provider_bitrix24.simulator.clock import VIRTUAL_START, Clock
from airflow_provider_bitrix24.simulator.portal.limits import RequestLimit
from airflow_provider_bitrix24.simulator.portal.settings import Plan
from airflow_provider_bitrix24.simulator.testing import SimulatorServer

from .conftest import Portal, set_up_s1

FIRE = "crm.automation.trigger?target=DEAL_{}&code=c5u4m"


def test_a_day_of_virtual_time_needs_no_sleep(s1):
    began = time.monotonic()
    s1.portal.latency.set(request_ms=20)
    for hour in range(24):
        s1.portal.add_deal(id=100 + hour)
        for _ in range(60):
            assert s1.get("crm.item.get", f"entityTypeId=2&id={100 + hour}").status == 200
            s1.server.clock.advance(60)
        assert s1.trigger(f"DEAL_{100 + hour}").result is True
    assert s1.server.clock.now() >= VIRTUAL_START + 24 * 3600
    rows = [s1.portal.history_of(f"DEAL_{100 + hour}")[-1].time for hour in range(24)]
    assert all(later - earlier > 3600 for earlier, later in pairwise(rows))
    assert s1.server.requests.statuses == {200: 24 * 61}
    assert time.monotonic() - began < 60


def test_latency_takes_the_portals_time(s1):
    s1.portal.latency.set(request_ms=20, command_ms=5)
    began = s1.server.clock.now()
    s1.batch({f"c{number}": "scope" for number in range(50)})
    assert s1.server.clock.now() - began == pytest.approx(0.27, abs=1e-4)
    assert s1.trigger("DEAL_57").json["time"]["duration"] == pytest.approx(0.295 - 0.27 + 0.27, abs=1e-3)


def test_latency_takes_real_time_on_a_real_clock():
    with SimulatorServer() as server:
        set_up_s1(server)
        server.latency.set(request_ms=20, command_ms=5)
        began = time.monotonic()
        Portal(server).batch({f"c{number}": "scope" for number in range(10)})
        assert 0.07 <= time.monotonic() - began < 2


def test_requests_at_the_same_time_do_not_add_up(clock):
    with SimulatorServer() as server:
        set_up_s1(server)
        server.latency.set(request_ms=200)
        portal = Portal(server)

        async def together():
            await asyncio.gather(*(asyncio.to_thread(portal.get, "scope") for _ in range(4)))

        began = time.monotonic()
        asyncio.run(together())
        assert 0.2 <= time.monotonic() - began < 0.7


def test_a_negative_latency_is_refused(s1):
    with pytest.raises(ValueError, match="negative"):
        s1.portal.latency.set(request_ms=-1)


def test_slow_robots_run_inside_the_request(s1):
    s1.portal.add_robot("PREPARATION", seconds=0.73)
    for number in range(58, 68):
        s1.portal.add_deal(id=number)
    reply = s1.batch([FIRE.format(number) for number in range(58, 68)])
    times = reply.result["result_time"]
    assert len(times) == 10
    assert reply.json["time"]["duration"] == pytest.approx(7.3, abs=0.01)
    assert times[-1]["operating"] == pytest.approx(7.3, abs=0.01)


def test_a_robot_works_before_it_moves(s1):
    s1.portal.add_robot("PREPARATION", seconds=3, move_to="EXECUTING")
    s1.trigger("DEAL_57")
    first, second = (row.time for row in s1.portal.history_of("DEAL_57")[1:])
    assert second - first == pytest.approx(3)


def test_a_robot_that_fails_answers_an_error_after_the_move(s1):
    s1.portal.add_robot("PREPARATION", fails=True)
    assert s1.trigger("DEAL_57").error[:2] == (400, "ERROR_CORE")
    assert s1.at("DEAL_57") == "PREPARATION"


def test_robots_in_a_ring_come_to_an_end(s1):
    s1.portal.add_robot("PREPARATION", move_to="EXECUTING")
    s1.portal.add_robot("EXECUTING", move_to="PREPARATION")
    assert s1.trigger("DEAL_57").result is True


def test_the_cloud_cuts_a_request_at_60_seconds(s1):
    s1.portal.latency.set(command_ms=7000)
    for number in range(58, 78):
        s1.portal.add_deal(id=number)
    began = s1.server.clock.now()
    reply = s1.batch([FIRE.format(number) for number in range(58, 78)])
    assert (reply.status, reply.headers["content-type"]) == (504, "text/html; charset=UTF-8")
    assert s1.server.clock.now() - began == pytest.approx(60)
    assert [s1.at(f"DEAL_{number}") for number in (58, 65, 66, 77)] == ["PREPARATION", "PREPARATION", "NEW", "NEW"]


def test_execution_may_go_on_behind_the_cut(s1):
    s1.portal.settings.execution_after_cut = "continue"
    s1.portal.latency.set(command_ms=7000)
    for number in range(58, 78):
        s1.portal.add_deal(id=number)
    assert s1.batch([FIRE.format(number) for number in range(58, 78)]).status == 504
    end = time.monotonic() + 10
    while s1.at("DEAL_77") == "NEW":
        assert time.monotonic() < end
        time.sleep(0.002)


def test_a_self_hosted_portal_cuts_nothing(clock):
    with SimulatorServer(clock=clock, plan="self-hosted") as server:
        set_up_s1(server)
        server.latency.set(command_ms=70_000)
        assert Portal(server).trigger("DEAL_57").result is True


def test_the_clock_of_a_portal_can_be_advanced_though_it_is_real():
    clock = Clock()
    before = clock.now()
    clock.advance(3600)
    assert clock.now() - before >= 3600
    with pytest.raises(ValueError, match="go back"):
        clock.advance(-1)


def test_an_advance_wakes_who_sleeps():
    async def scenario():
        clock = Clock(virtual=True, auto_advance=False)
        sleeper = asyncio.ensure_future(clock.sleep_until(clock.now() + 100))
        await asyncio.sleep(0)
        clock.advance(99)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not sleeper.done()
        clock.advance(1)
        await asyncio.wait_for(sleeper, 5)
        assert clock.waiting == 0

    asyncio.run(scenario())


def test_dates_carry_the_portals_offset():
    clock = Clock(virtual=True, start=0.0, utc_offset=3)
    assert clock.iso(0.0) == "1970-01-01T03:00:00+03:00"
    assert clock.parse("1970-01-01T03:00:00") == 0.0
    assert clock.parse("1970-01-01T00:00:00+00:00") == 0.0


class TestBucket:
    def limit(self, **changes):
        limit = RequestLimit()
        limit.set_plan(Plan.STANDARD)
        for name, value in changes.items():
            setattr(limit, name, value)
        return limit

    def test_drains_continuously(self):
        limit = self.limit(capacity=2.0, per_second=2.0)
        assert [limit.admit("a", now) for now in (0, 0, 0, 0.4, 0.5, 0.5)] == [True, True, False, False, True, False]

    def test_drains_in_steps(self):
        limit = self.limit(capacity=2.0, per_second=2.0, drain="steps")
        assert [limit.admit("a", now) for now in (0, 0, 0.5, 0.99, 1, 1, 1)] == [True] * 2 + [False] * 2 + [
            True,
            True,
            False,
        ]

    def test_refused_requests_may_count(self):
        patient, strict = self.limit(capacity=1.0), self.limit(capacity=1.0, refused_count=True)
        for limit in (patient, strict):
            assert [limit.admit("a", 0) for _ in range(3)] == [True, False, False]
        assert patient.admit("a", 0.5)
        assert not strict.admit("a", 0.5)

    def test_sources_have_their_own_buckets(self):
        limit = self.limit(capacity=1.0)
        assert limit.admit("a", 0)
        assert limit.admit("b", 0)
        assert not limit.admit("a", 0)
        assert limit.refused == 1

    def test_a_long_pause_empties_it(self):
        limit = self.limit(capacity=2.0)
        limit.admit("a", 0)
        limit.admit("a", 0)
        assert limit.level("a", 100) == 0
        assert [limit.admit("a", 100) for _ in range(3)] == [True, True, False]


def test_newer_portals_ban_a_method_for_a_while(s1):
    s1.portal.operating.seconds = 5
    s1.portal.operating.ban_seconds = 300
    s1.portal.latency.set(command_ms=6000)
    assert s1.trigger("DEAL_57").status == 200
    s1.server.clock.advance(1)
    assert s1.trigger("DEAL_57").status == 429
    s1.server.clock.advance(299)
    assert s1.trigger("DEAL_57").status == 429
    s1.server.clock.advance(1)
    assert s1.trigger("DEAL_57").status == 200


def test_shorter_baskets_let_the_operating_time_reset_sooner(s1):
    s1.request("POST", "/_simulator/limits", '{"operating": {"seconds": 5, "basket_seconds": 2}}')
    s1.portal.latency.set(command_ms=6000)
    assert s1.trigger("DEAL_57").status == 200
    assert s1.trigger("DEAL_57").status == 429
    s1.server.clock.advance(20)
    assert s1.trigger("DEAL_57").status == 200


def test_the_portal_goes_on_when_the_client_hangs_up(s1):
    s1.portal.clock.auto_advance = False
    s1.portal.latency.set(command_ms=1000)
    s1.portal.add_deal(id=58)
    query = "&".join(f"cmd[]=crm.automation.trigger%3Ftarget%3DDEAL_{number}%26code%3Dc5u4m" for number in (57, 58))
    with socket.create_connection(("127.0.0.1", s1.server.port), timeout=10) as connection:
        connection.sendall(f"GET {s1.base}batch?{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        wait_until(lambda: s1.portal.clock.waiting == 1)
    for number in (57, 58):
        s1.server.clock.advance(1)
        wait_until(lambda number=number: s1.at(f"DEAL_{number}") == "PREPARATION")


def wait_until(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "this should have happened by now"
        time.sleep(0.002)
