"""Processes with the same credential hold working time, so that together they stay below the limit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitrix24.client.limits.operating import Figure, Knowledge
from airflow_provider_bitrix24.client.limits.working_time import (
    HOLDS,
    MAX_HOLDERS,
    Hold,
    WorkingTimeClaim,
    WorkingTimeState,
    share_working_time,
)

NOW = 1000.0


def used(seconds, *, reset_in=100.0, ago=1.0, bills_batches=True, **more):
    """What is known where the method ``m`` has used so many seconds."""
    return Knowledge({"m": Figure(seconds, NOW - ago, NOW + reset_in, **more)}, bills_batches)


def claim(commands, cost=1.0, holder="me"):
    return WorkingTimeClaim(holder, commands, {"m": commands * cost})


def held(**seconds):
    """What others hold."""
    return {name: Hold(NOW + 60, {"m": each}) for name, each in seconds.items()}


def share(known=None, want=None, others=None, now=NOW):
    return share_working_time(
        WorkingTimeState(known or Knowledge(), others or {}), now, Knowledge(), want or claim(100)
    )


@pytest.mark.parametrize(
    ("known", "cost", "commands"),
    [
        (Knowledge(), 1.0, 100),
        (used(0.0), 1.0, 100),
        (used(350.0), 1.0, 61),
        (used(398.9), 1.0, 12),
        (used(350.0, bills_batches=False), 1.0, 100),
        (used(479.0, bills_batches=False), 1.0, 1),
        (used(0.0), 500.0, 1),
        (used(400.0, ago=700.0, reset_in=-200.0), 1.0, 100),
    ],
    ids=["nothing", "zero", "some", "nearly", "older", "older, nearly", "dearer than the limit", "long ago"],
)
def test_as_much_is_granted_as_there_is_room_for(known, cost, commands):
    state, granted = share(known, claim(100, cost))
    assert (granted.commands, granted.wait) == (commands, 0.0)
    assert state.held == {"me": Hold(NOW + HOLDS, {"m": pytest.approx(commands * cost)})}


@pytest.mark.parametrize(
    ("known", "cost", "wait"),
    [
        (used(399.1), 1.0, 101.0),
        (used(395.0), 20.0, 101.0),
        (used(480.0, bills_batches=False), 1.0, 101.0),
        (used(0.0, banned_until=NOW + 250.0), 1.0, 251.0),
        (used(0.0, banned_until=NOW + 9e9), 1.0, 600.0),
    ],
    ids=["95 %", "no room for one", "older", "banned", "poisoned"],
)
def test_where_there_is_no_room_the_reset_or_the_end_of_the_ban_is_waited_for(known, cost, wait):
    state, granted = share(known, claim(100, cost))
    assert (granted.commands, granted.wait) == (0, wait)
    assert state.held == {}


def test_what_others_hold_is_not_granted_twice():
    state = WorkingTimeState(used(300.0))
    grants = []
    for holder in "abc":
        state, granted = share_working_time(state, NOW, Knowledge(), claim(80, holder=holder))
        grants.append((granted.commands, granted.wait))
    assert grants == [(80, 0.0), (31, 0.0), (0, 1.0)]


def test_a_process_that_asks_again_holds_what_it_asks_for_last_and_finally_nothing():
    state = WorkingTimeState(used(300.0))
    for commands in (80, 30):
        state, _ = share_working_time(state, NOW, Knowledge(), claim(commands))
        assert state.held["me"].seconds == {"m": pytest.approx(commands)}
    state, granted = share_working_time(state, NOW, used(330.0), WorkingTimeClaim("me"))
    assert state.held == {}
    assert (granted.commands, granted.wait) == (0, 0.0)
    assert granted.known.figures["m"].used == 330


def test_what_a_dead_process_holds_is_free_after_a_while():
    assert share(used(300.0), others={"dead": Hold(NOW - 1, {"m": 100.0})})[1].commands == 100


def test_after_a_reset_one_command_shows_how_much_is_free_and_the_others_wait_for_it():
    known = used(405.0, reset_in=-1.0, ago=500.0)
    state, granted = share(known)
    assert (granted.commands, granted.wait) == (1, 0.0)
    state, granted = share_working_time(state, NOW, Knowledge(), claim(100, holder="other"))
    assert (granted.commands, granted.wait) == (0, 1.0)
    report = Knowledge({"m": Figure(200.0, NOW + 1, NOW + 60)}, True)
    assert share_working_time(state, NOW + 1, report, claim(100))[1].commands == 100


def test_the_nearer_of_two_limits_decides():
    known = Knowledge({"m": Figure(100.0, NOW, NOW + 100), "batch": Figure(390.0, NOW, NOW + 100)}, True)
    want = WorkingTimeClaim("me", 100, {"m": 100.0, "batch": 50.0})
    assert share(known, want)[1].commands == 43
    known = Knowledge({"m": Figure(400.0, NOW, NOW + 100), "batch": Figure(100.0, NOW, NOW + 100)}, True)
    assert share(known, want)[1].wait == 101


def test_at_most_so_many_processes_are_remembered():
    others = {f"{number}": Hold(NOW + number / 1000, {"m": 0.01}) for number in range(1, 2 * MAX_HOLDERS)}
    assert len(share(others=others)[0].held) == MAX_HOLDERS


@pytest.mark.parametrize(
    ("known", "want", "holding", "granted"),
    [
        (used(0.0), claim(1000), 5.0, (406, 0.0)),
        (used(0.5), claim(9000, 0.125), 0.0, (3288, 0.0)),
        (used(350.0), claim(100), 60.0, (0, 1.0)),
        (used(200.0), claim(10, 50.0), 180.0, (0, 1.0)),
        (used(400.0), claim(100), 5.0, (0, 101.0)),
        (used(395.0), claim(100, 20.0), 5.0, (0, 101.0)),
        (used(399.0), claim(100), 5.0, (0, 101.0)),
        (used(399.0), claim(100), 0.0, (0, 101.0)),
        (used(470.0, bills_batches=False), claim(1, 10.0), 5.0, (0, 1.0)),
        (used(405.0, ago=500.0, reset_in=0.0), claim(100), 5.0, (0, 1.0)),
        (used(405.0, ago=500.0, reset_in=0.0), claim(100), 0.0, (1, 0.0)),
        (used(405.0, ago=600.0, reset_in=0.0), claim(1000), 0.0, (411, 0.0)),
        (used(300.0, banned_until=NOW), claim(100), 0.0, (100, 0.0)),
    ],
    ids=[
        "what others hold of an unused limit",
        "less than a second",
        "what others hold reaches the line",
        "what others hold leaves no room for one",
        "past the line without what others hold",
        "no room for one without what others hold",
        "exactly at the line, and others hold some",
        "exactly at the line",
        "exactly room for one, which others hold",
        "at the reset, and another one tries",
        "at the reset",
        "ten minutes after the report",
        "at the end of a ban",
    ],
)
def test_the_lines_are_exact_and_what_others_hold_is_waited_for_only_where_it_is_in_the_way(
    known, want, holding, granted
):
    found = share(known, want, held(other=holding) if holding else None)[1]
    assert (found.commands, found.wait) == granted


def test_what_is_held_until_this_moment_is_free():
    assert share(used(300.0), others={"done": Hold(NOW, {"m": 100.0})})[1].commands == 100


@given(
    figure=st.builds(Figure, *[st.floats(-1e6, 1e6)] * 4),
    bills_batches=st.sampled_from([True, False, None]),
    limit=st.none() | st.floats(1e-3, 1e6),
    commands=st.integers(1, 1000),
    cost=st.floats(0, 1e4),
    others=st.floats(0, 1e4),
)
def test_whatever_is_known_either_a_command_or_a_wait_within_the_window_is_granted(
    figure, bills_batches, limit, commands, cost, others
):
    known = Knowledge({"m": figure}, bills_batches, limit)
    _, granted = share(known, WorkingTimeClaim("me", commands, {"m": commands * cost}), held(other=others))
    assert 0 <= granted.wait <= 600
    assert (granted.commands > 0) == (granted.wait == 0)
    assert granted.commands <= commands


def test_a_long_request_waits_for_two_resets_as_it_cannot_be_sent_to_see_what_is_left():
    spent = used(405.0, reset_in=-1.0)
    assert share(spent, claim(1, cost=20.0))[1].commands == 1
    long = WorkingTimeClaim("me", 1, {"m": 20.0}, long=True)
    assert share(spent, long)[1].wait == 60.0
    assert share(spent, long, now=NOW + 59.0)[1].commands == 1


def test_what_was_worked_stays_held_until_a_report_is_sure_to_show_it():
    def step(state, now, want):
        return share_working_time(state, now, Knowledge(), want)

    state, _ = step(WorkingTimeState(used(350.0)), NOW, claim(15, holder="first"))
    state, _ = step(state, NOW, claim(15, holder="second"))
    state, _ = step(state, NOW + 10.0, WorkingTimeClaim("first", shown=2.0))
    assert step(state, NOW + 11.0, claim(50, holder="third"))[1].commands == 31
    for ended, commands in ((NOW + 11.9, 31), (NOW + 12.0, 46)):
        after, _ = step(state, ended, WorkingTimeClaim("second", shown=2.0))
        assert step(after, ended, claim(50, holder="third"))[1].commands == commands, (
            "that of the first is shown, or not"
        )
    assert step(state, NOW + 40.0, claim(50, holder="third"))[1].commands == 46, "the first has ended long ago"
    assert "second" in state.held
    assert "second" not in step(state, NOW + 10.0, WorkingTimeClaim("second"))[0].held, "nothing was worked"
