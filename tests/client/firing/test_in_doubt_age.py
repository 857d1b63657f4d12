"""How old an earlier try's request is, told by the portal's clock."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.firing.in_doubt import CLOCK_MARGIN, InDoubtRequest
from tests.support.firing import (
    LOST,
    NEW,
    deal,
    ledger_of,
    left_to_fire,
    read_in_doubt,
    standing,
)


def request_of(*, sent_at=None, over=False, sent_by_portal=None):
    return InDoubtRequest([], LOST, sent_at, over, 0.0, sent_by_portal)


@pytest.mark.parametrize(
    ("sent_by_portal", "portal_now", "age"),
    [
        (5000.0, 5090.0, 90.0 - CLOCK_MARGIN),
        (5000.0, 5000.0, 0.0),
        (5000.0, 4000.0, 0.0),  # the portal's clock was set back
        (None, 5090.0, 0.0),
        (5000.0, None, 0.0),
    ],
)
def test_the_age_of_an_earlier_trys_request_is_told_by_the_portals_clock_or_is_zero(sent_by_portal, portal_now, age):
    request = request_of(sent_by_portal=sent_by_portal)
    assert request.date(1000.0, portal_now) == 1000.0 - age
    assert request.date(2000.0, portal_now) == 1000.0 - age, "it is dated once"


def test_a_request_of_this_try_keeps_its_own_moment():
    assert request_of(sent_at=7.0, sent_by_portal=5000.0).date(1000.0, 9000.0) == 7.0


@pytest.mark.parametrize(("age", "waits"), [(0.0, 60.0), (30.0, 33.0), (63.0, 0.0), (10_000.0, 0.0)])
def test_a_request_of_an_earlier_try_is_over_a_minute_after_its_send_by_the_portals_clock(age, waits):
    ledger = ledger_of(deal(1))
    ledger.restore_in_doubt(ledger.targets, {deal(1): NEW}, LOST, now=7.0, sent_by_portal=5000.0)
    ledger.finish_restoring()
    assert (ledger.resumed, ledger.unread, ledger.next_due) == (True, 0, 7.0)
    read_in_doubt(ledger, standing((), 1), 7.0, portal_now=5000.0 + age)
    if waits:
        assert (ledger.queued, ledger.next_due) == (0, 7.0 + waits)
        read_in_doubt(ledger, standing((), 1), 7.0 + waits, portal_now=5000.0 + age + waits)
    assert left_to_fire(ledger) == [1]


def test_where_the_portals_clock_is_unknown_an_earlier_trys_request_is_waited_for_in_full():
    ledger = ledger_of(deal(1))
    ledger.restore_in_doubt(ledger.targets, {deal(1): NEW}, LOST, now=7.0, sent_by_portal=None)
    read_in_doubt(ledger, standing((), 1), 7.0, portal_now=9000.0)
    assert (ledger.queued, ledger.next_due) == (0, 67.0)
    read_in_doubt(ledger, standing((), 1), 67.0, portal_now=9060.0)
    assert left_to_fire(ledger) == [1]
