"""A step shows that it is alive, and why it failed."""

from __future__ import annotations

import sys

import pytest

from scripts import terminal


def test_a_step_that_fails_shows_the_end_of_what_it_said():
    with pytest.raises(terminal.StepFailed, match=r"(?s)Trying: failed with status 3\..*alas"):
        terminal.run([sys.executable, "-c", "print('alas'); raise SystemExit(3)"], "Trying")


def test_a_step_that_takes_long_says_every_five_seconds_that_it_is_alive(capsys):
    moments = iter([0.0, 4.9, 5.0, 9.9, 12.0])
    alive = terminal.Heartbeat(clock=lambda: next(moments))

    for _ in range(4):
        alive()

    assert capsys.readouterr().err.splitlines() == ["  still at it (5 s)", "  still at it (12 s)"]
