"""How a firing ends in the middle, and where a next try begins."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.errors import (
    AuthenticationError,
    OutcomeUnknown,
    ServerError,
)
from airflow_provider_bitrix24.client.flows.readings import StageReadings
from airflow_provider_bitrix24.client.report import TargetError
from airflow_provider_bitrix24.client.stages import Snapshot
from tests.support.firing import (
    LOST,
    NEW,
    NEXT,
    api_error,
    deal,
    deals,
    ledger_of,
    outcomes,
    queued,
    read_in_doubt,
    send,
)

ELSEWHERE = Snapshot("EXECUTING", 0, "2026-01-01T00:02:00+03:00")


def test_giving_up_settles_everything_with_what_is_known():
    ledger = ledger_of(*deals(1, 2, 3, 4, 5, 6))
    ledger.record_before(ledger.take_window(5), StageReadings(dict.fromkeys(deals(1, 2, 3, 4, 5), NEW)), looked=True)
    lost, fired_before, accepted = send(ledger, 2, 1, 1)
    ledger.record_in_doubt(fired_before, LOST, sent_at=0.0, now=0.0, over=True)
    read_in_doubt(ledger, {deal(3): NEW}, 0.0)
    ledger.record_in_doubt(lost, LOST, sent_at=0.0, now=1.0, over=False)
    ledger.record_accepted(accepted[0])
    ledger.give_up(api_error(AuthenticationError))
    assert outcomes(ledger) == ["failed", "failed", "failed", None, "failed", "failed"]
    failed = [target.error for target in ledger.targets if target.error]
    assert [error.executed for error in failed] == ["unknown", "unknown", "no", "no", "no"]
    assert [error.code for error in failed] == ["OutcomeUnknown", "OutcomeUnknown", "X", "X", "X"]
    assert (ledger.queued, ledger.unread, ledger.in_doubt, ledger.next_due) == (0, 0, (), None)
    assert ledger.accepted == deals(4)


def test_an_interrupted_firing_reports_each_target_by_what_is_known():
    ledger = ledger_of(*deals(1, 2, 3, 4, 5), expected="WON")
    ledger.record_before(ledger.take_window(4), StageReadings(dict.fromkeys(deals(1, 2, 3, 4), NEW)), looked=True)
    lost, accepted = send(ledger, 1, 2)
    ledger.record_in_doubt(lost, LOST, sent_at=0.0, now=1.0, over=False)
    for target in accepted:
        ledger.record_accepted(target)
    ledger.record_after({deal(2): ELSEWHERE})
    ledger.interrupt(OutcomeUnknown("out of time"))
    assert outcomes(ledger) == ["failed", "elsewhere", "unverified", "failed", "failed"]
    assert [target.error and target.error.executed for target in ledger.targets] == ["unknown", None, None, "no", "no"]
    assert (ledger.queued, ledger.unread, ledger.in_doubt) == (0, 0, ())


def test_an_interruption_before_the_first_request_has_left_says_that_nothing_was_fired():
    ledger = queued(*deals(1, 2))
    ledger.take_for_request(1, read_back=False)
    ledger.interrupt(OutcomeUnknown("out of time"))
    assert [target.error.executed for target in ledger.targets] == ["no", "no"]


def test_an_interrupted_resumption_does_not_say_that_an_earlier_try_fired_nothing():
    ledger = ledger_of(*deals(1, 2))
    ledger.restore_in_doubt([ledger.targets[0]], {deal(1): NEW}, LOST, now=0.0, sent_by_portal=None)
    ledger.finish_restoring()
    ledger.interrupt(OutcomeUnknown("out of time"))
    assert [target.error.executed for target in ledger.targets] == ["unknown", "no"]


def test_what_a_portal_may_not_execute_is_refused_while_requests_in_doubt_go_on_being_read():
    ledger = queued(*deals(1, 2))
    [lost] = send(ledger, 1)
    ledger.record_in_doubt(lost, api_error(ServerError), sent_at=0.0, now=0.0, over=True)
    ledger.refuse_unfired(api_error(AuthenticationError))
    assert outcomes(ledger) == [None, "failed"]
    read_in_doubt(ledger, {deal(1): NEXT}, 0.0)
    assert outcomes(ledger) == ["moved", "failed"]


# -- what an earlier try left


def test_a_firing_is_resumed_where_an_earlier_try_fired_anything_and_not_where_it_found_all_at_the_stage():
    ledger = ledger_of(*deals(1, 2, 3))
    first, second, third = ledger.targets
    ledger.restore_settled(first, "already", NEXT, NEXT)
    assert not ledger.resumed
    ledger.restore_settled(second, "moved", NEW, NEXT)
    assert ledger.resumed
    ledger.restore_settled(third, "already", NEXT, NEXT)
    assert ledger.resumed


@pytest.mark.parametrize("left", ["accepted", "lost", "in doubt"])
def test_a_firing_is_resumed_where_an_earlier_try_left_a_target_whose_fate_is_open(left):
    ledger = ledger_of(*deals(1, 2))
    target = ledger.targets[0]
    if left == "accepted":
        ledger.restore_accepted(target, NEW, None)
    elif left == "lost":
        ledger.restore_lost(target, TargetError.from_error(LOST))
    else:
        ledger.restore_in_doubt([target], {deal(1): NEW}, LOST, now=0.0, sent_by_portal=None)
    ledger.finish_restoring()
    assert (ledger.resumed, ledger.fired, ledger.sent) == (True, False, False)
    assert list(ledger.unread_refs()) == deals(2)


def test_what_remains_is_unread_queued_or_in_doubt():
    ledger = ledger_of(*deals(1, 2, 3, 4, 5, 6))
    ledger.record_before(ledger.take_window(5), StageReadings(dict.fromkeys(deals(1, 2, 3, 4, 5), NEW)), looked=True)
    lost, accepted = send(ledger, 2, 1)
    assert ledger.remaining == 3, "4, 5 and 6"
    ledger.record_in_doubt(lost, LOST, sent_at=0.0, now=0.0, over=True)
    ledger.record_accepted(accepted[0])
    assert ledger.remaining == 5


@pytest.mark.parametrize("end", ["lost", "given up", "interrupted"])
def test_what_an_earlier_try_saw_unmoved_and_this_one_too_is_unmoved_if_nobody_can_look_again(end):
    """It waits only because the portal may still act on it, so it is not unknown where it stands."""
    ledger = ledger_of(deal(1), deal(2))
    snapshots = dict.fromkeys(deals(1, 2), NEW)
    ledger.restore_in_doubt(ledger.targets, snapshots, LOST, now=0.0, sent_by_portal=None, accepted=True)
    read_in_doubt(ledger, {deal(1): NEW}, 0.0)
    [request] = ledger.in_doubt
    if end == "lost":
        ledger.lose(request)
    elif end == "given up":
        ledger.give_up(LOST)
    else:
        ledger.interrupt(LOST)
    assert outcomes(ledger) == ["unmoved", "failed"], "nobody has seen the second one in this try"
    assert [target.after for target in ledger.targets] == [NEW, None]


def test_what_was_in_doubt_and_is_seen_where_it_stood_before_its_request_was_over_stays_unknown():
    ledger = ledger_of(deal(1))
    ledger.restore_in_doubt(ledger.targets, {deal(1): NEW}, LOST, now=0.0, sent_by_portal=None)
    read_in_doubt(ledger, {deal(1): NEW}, 0.0)
    ledger.give_up(LOST)
    assert outcomes(ledger) == ["failed"]
