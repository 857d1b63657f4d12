"""How old an earlier try's request is, told by the portal's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from airflow_provider_bitrix24.client.firing.in_doubt import (
    CLOCK_MARGIN,
    InDoubtRequest,
    ReadingMoment,
    why_not_fired_yet,
)
from airflow_provider_bitrix24.client.stages import Snapshot
from tests.support.firing import (
    LOST,
    NEW,
    NEXT,
    SETTLE,
    deal,
    deals,
    ledger_of,
    left_to_fire,
    read_in_doubt,
    standing,
)


def request_of(*, sent_at=None, over=False, sent_by_portal=None):
    return InDoubtRequest(targets=[], error=LOST, sent_at=sent_at, over=over, due=0.0, sent_by_portal=sent_by_portal)


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
    assert request.date(ReadingMoment(1000.0, portal_now)) == 1000.0 - age
    assert request.date(ReadingMoment(2000.0, portal_now)) == 1000.0 - age, "it is dated once"


def test_a_request_of_this_try_keeps_its_own_moment():
    assert request_of(sent_at=7.0, sent_by_portal=5000.0).date(ReadingMoment(1000.0, 9000.0)) == 7.0


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


SENT = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


def moved_at(seconds, *, offset=0):
    """A deal that moved so many seconds after the request was sent, as a portal with this offset from UTC says it."""
    moved = datetime.fromtimestamp(SENT + seconds, timezone(timedelta(hours=offset)))
    return Snapshot("PREPARATION", 0, moved.isoformat(timespec="seconds"))


@pytest.mark.parametrize("offset", [0, 3, -9])
@pytest.mark.parametrize(("seconds", "due"), [(0.0, 64.0), (20.0, 84.0), (88.0, 150.0), (-20.0, 150.0)])
def test_after_a_move_the_portal_may_work_for_a_minute_from_the_moment_of_the_move(seconds, due, offset):
    """A second more, since its times are whole ones, and three for its clock. A move before the send is no sign."""
    ledger = ledger_of(*deals(1, 2))
    ledger.restore_in_doubt(ledger.targets, dict.fromkeys(deals(1, 2), NEW), LOST, now=90.0, sent_by_portal=SENT)
    read_in_doubt(ledger, {deal(1): moved_at(seconds, offset=offset), deal(2): NEW}, 90.0, portal_now=SENT + 90.0)
    if due <= 90.0:
        assert left_to_fire(ledger) == [2]
    else:
        assert (ledger.queued, ledger.next_due) == (0, due)


@pytest.mark.parametrize("moved_time", [None, "", "later", "2026-01-01T00:00:05", "2026-01-01", NEW.moved_time])
def test_where_the_moment_of_a_move_is_unknown_the_portal_may_have_worked_until_the_reading(moved_time):
    ledger = ledger_of(*deals(1, 2))
    ledger.restore_in_doubt(ledger.targets, dict.fromkeys(deals(1, 2), NEW), LOST, now=90.0, sent_by_portal=SENT)
    moved = Snapshot("PREPARATION", 0, moved_time)
    read_in_doubt(ledger, {deal(1): moved, deal(2): NEW}, 90.0, portal_now=SENT + 90.0)
    assert (ledger.queued, ledger.next_due) == (0, 150.0)


def test_of_several_moves_the_last_one_counts_and_one_of_unknown_moment_counts_as_now():
    for last, due in ((moved_at(30.0), 94.0), (NEXT, 150.0)):
        request = request_of(sent_at=0.0, sent_by_portal=SENT)
        moves = [moved_at(10.0).moved_by(NEW), last.moved_by(NEW)]
        assert request.may_still_run(ReadingMoment(90.0, SENT + 90.0, SENT + 90.0), SETTLE, moves=moves)
        assert request.due == due


def by_earlier_try(*ids):
    return InDoubtRequest(targets=deals(*ids), error=LOST, sent_at=None, over=False, due=0.0, by_earlier_try=True)


@pytest.mark.parametrize(
    ("requests", "reason"),
    [
        ([[1]], "an earlier try fired 1 target that has not moved, and the portal may still act on it"),
        ([[1, 2], [3]], "an earlier try fired 3 targets that have not moved, and the portal may still act on them"),
        (
            [range(1, 1_201)],
            "an earlier try fired 1,200 targets that have not moved, and the portal may still act on them",
        ),
    ],
)
def test_a_firing_says_how_many_targets_of_an_earlier_try_it_waits_for(requests, reason):
    assert why_not_fired_yet([by_earlier_try(*each) for each in requests]) == reason


def test_a_firing_says_that_it_waits_for_a_request_of_its_own():
    reason = "a request got no answer and the portal may still be executing it"
    assert why_not_fired_yet([by_earlier_try(1), request_of(sent_at=1.0)]) == reason


def test_an_earlier_moment_is_earlier_by_the_portals_clock_too():
    assert ReadingMoment(100.0, latest_by_portal=1_000.0).by_portal(90.0) == 990.0
    assert ReadingMoment(100.0).by_portal(90.0) is None
