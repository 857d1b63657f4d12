"""How far a portal's clock is ahead, as its answers bound it."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.flows.portal_clock import PortalClock
from airflow_provider_bitrix24.client.protocol.wire import Timing

EPOCH = 1.8e9


def noted(timing, *, sent_at=100.0, received_at=103.0):
    clock = PortalClock()
    clock.note(timing, sent_at=sent_at, received_at=received_at)
    return clock


def test_nothing_is_known_before_an_answer():
    assert PortalClock().earliest(5.0) is PortalClock().latest(5.0) is None


def test_the_work_lies_between_sending_and_receiving():
    """Begun at 1 by the portal's clock and no earlier than at 100 by ours; finished at 2, and no later than at 103."""
    clock = noted(Timing(start=EPOCH + 1, finish=EPOCH + 2))
    assert (clock.earliest(103.0), clock.latest(103.0)) == (EPOCH + 2, EPOCH + 4)


def test_a_portal_that_names_only_the_end_bounds_less():
    clock = noted(Timing(finish=EPOCH + 2))
    assert (clock.earliest(103.0), clock.latest(103.0)) == (EPOCH + 2, EPOCH + 5)


@pytest.mark.parametrize(
    "timing",
    [
        Timing(),
        Timing(start=EPOCH),
        Timing(start=EPOCH + 2, finish=EPOCH + 1),
        Timing(start=1.0, finish=2.0),
        Timing(start=EPOCH * 1000, finish=EPOCH * 1000),
    ],
)
def test_what_cannot_be_a_moment_is_ignored(timing):
    assert noted(timing).ahead is None
