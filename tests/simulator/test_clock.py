from __future__ import annotations

import asyncio

import pytest

from airflow_provider_bitrix24.simulator.clock import VIRTUAL_START, Clock
from tests.support.in_loop import until


def test_a_real_clock_can_jump_ahead_but_not_go_back():
    clock = Clock()
    before = clock.now()
    clock.advance(3600)
    assert clock.now() - before >= 3600
    with pytest.raises(ValueError, match="go back"):
        clock.advance(-1)


async def test_a_real_clock_waits_for_the_moment():
    clock = Clock()
    moment = clock.now() + 0.01
    await clock.sleep_until(moment)
    assert clock.now() >= moment
    assert clock.waiting == 0


async def test_an_advance_ends_a_wait_on_a_real_clock():
    clock = Clock()
    sleeper = asyncio.ensure_future(clock.sleep_until(clock.now() + 24 * 3600))
    await until(lambda: clock.waiting == 1)
    clock.advance(24 * 3600)
    await until(sleeper.done)


async def test_a_virtual_clock_jumps_to_the_moment():
    clock = Clock(virtual=True)
    await clock.sleep_until(VIRTUAL_START + 24 * 3600)
    assert clock.now() == VIRTUAL_START + 24 * 3600


async def test_an_advance_ends_the_waits_for_that_moment():
    clock = Clock(virtual=True, auto_advance=False)
    early, late = (asyncio.ensure_future(clock.sleep_until(VIRTUAL_START + seconds)) for seconds in (50, 100))
    await until(lambda: clock.waiting == 2)
    clock.advance(99)
    await until(early.done)
    assert not late.done()
    clock.advance(1)
    await until(late.done)
    assert clock.waiting == 0


def test_dates_carry_the_portals_offset():
    clock = Clock(virtual=True, start=0.0, utc_offset=3)
    assert clock.iso(0.0) == "1970-01-01T03:00:00+03:00"
    assert clock.parse("1970-01-01T03:00:00") == 0.0
    assert clock.parse("1970-01-01T00:00:00+00:00") == 0.0


@pytest.mark.parametrize("offset", [-5.0, 0.0, 3.0])
def test_a_date_after_the_end_of_the_clock_is_written_as_it_is(offset):
    clock = Clock(virtual=True, utc_offset=offset)
    assert clock.iso(clock.parse("9999-12-30")).startswith("9999-12-30T00:00:00")
    assert clock.iso(1e300).startswith("9999-12-31T")
