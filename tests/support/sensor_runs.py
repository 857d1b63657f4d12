"""The modes of the stage sensor, and moves that happen while it waits."""

from __future__ import annotations

from datetime import timedelta

DEALS = ["DEAL_57", "DEAL_58", "DEAL_59"]
MODES = ("poke", "reschedule", "deferrable")
DOWN = ["error:500"] * 5
"""As often as one request is tried."""
RETRIES = {"retries": 2, "retry_delay": timedelta(0)}


def only(*modes):
    """Say in which modes a test runs; without it, in all of them."""

    def mark(test):
        test.modes = modes
        return test

    return mark


def move_at_sleeps(portal, time, *moves):
    """Make one move at each sleep."""
    left = list(moves)
    time.on_sleep = lambda _: portal.portal.move(*left.pop(0)) if left else None
