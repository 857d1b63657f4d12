"""The ledger with jobs that differ: previews, an application's triggers, jobs that may be repeated, old portals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client.entity_ref import EntityRef
from airflow_provider_bitrix24.client.errors import NotFoundError
from airflow_provider_bitrix24.client.expected import ExpectedStages
from airflow_provider_bitrix24.client.firing.job import Job, Target
from airflow_provider_bitrix24.client.firing.ledger import Ledger
from airflow_provider_bitrix24.client.flows.readings import TOO_OLD, StageReadings
from airflow_provider_bitrix24.client.protocol.wire import EXECUTE
from tests.support.firing import (
    LOST,
    MINUTES,
    NEW,
    deal,
    deals,
    fired,
    ledger_of,
    left_to_fire,
    numbers,
    outcomes,
    queued,
    read_in_doubt,
    send,
)

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.report import Outcome


class HarmlessJob(Job):
    """May be sent twice, and its answer proves the outcome."""

    @property
    def repeatable(self) -> bool:
        return True

    def settled_by(self, ref: EntityRef, answer: Any) -> Outcome | None:
        return "moved" if answer == ref.id else None


def harmless(*ids):
    ledger = Ledger(HarmlessJob(code="c"), [Target(ref) for ref in deals(*ids)])
    ledger.record_before(ledger.take_window(len(ids)), StageReadings(dict.fromkeys(deals(*ids), NEW)), looked=True)
    return ledger


def test_an_applications_trigger_is_called_by_its_own_names():
    call = Job(code="c", method=EXECUTE).call(EntityRef(177, 5))
    assert (call.method, call.params) == (EXECUTE, {"CODE": "c", "OWNER_TYPE_ID": 177, "OWNER_ID": 5})


def test_an_answer_that_proves_the_outcome_settles_a_target():
    ledger = harmless(1, 2)
    [[first, second]] = send(ledger, 2)
    ledger.record_accepted(first, 1)
    ledger.record_accepted(second, "something else")
    assert outcomes(ledger) == ["moved", None]
    assert ledger.accepted == deals(2)


def test_a_lost_request_that_does_no_harm_is_sent_three_times():
    ledger = harmless(1, 2)
    for left in ([1, 2], [1, 2], []):
        [targets] = send(ledger, 2)
        ledger.fired = False
        ledger.repeat(targets, LOST)
        assert ledger.fired
        assert [target.ref.id for target in ledger._queue] == left
    assert outcomes(ledger) == ["failed"] * 2
    assert {each.error.executed for each in ledger.targets} == {"unknown"}


def test_what_an_earlier_try_sent_and_lost_counts_as_sent_once():
    ledger = ledger_of(deal(1))
    ledger.restore_in_doubt(ledger.targets, {deal(1): NEW}, LOST, now=0.0, sent_by_portal=None)
    ledger.finish_restoring()
    for _ in range(2):
        read_in_doubt(ledger, {deal(1): NEW}, 0.0)
        read_in_doubt(ledger, {deal(1): NEW}, MINUTES)
        [targets] = send(ledger, 1)
        assert numbers(targets) == [1]
        ledger.record_in_doubt(targets, LOST, sent_at=0.0, now=0.0, over=True)
    read_in_doubt(ledger, {deal(1): NEW}, MINUTES)
    assert left_to_fire(ledger) == []
    assert outcomes(ledger) == ["failed"]


def test_stages_replace_those_expected_and_are_not_expected_where_none_were():
    first, second = ledger_of(deal(1), expected="WON"), ledger_of(deal(1))
    for ledger in (first, second):
        ledger.expect(frozenset({"WON", "LATER"}))
    assert (first.job.expected, second.job.expected) == (frozenset({"WON", "LATER"}), None)


def test_a_preview_settles_what_is_queued_and_leaves_nothing_to_fire():
    ledger = ledger_of(deal(1), EntityRef(3, 1))
    ledger.record_before(ledger.take_window(2), StageReadings({deal(1): NEW}), looked=True)
    ledger.settle_preview()
    assert outcomes(ledger) == ["would_fire"] * 2
    assert [target.reason is None for target in ledger.targets] == [True, False]
    assert (ledger.queued, ledger.unread) == (0, 0)


def test_of_a_portal_that_is_too_old_every_later_target_says_so():
    ledger = ledger_of(*deals(1, 2))
    unknown = NotFoundError(code="ERROR_METHOD_NOT_FOUND", description="", method="crm.item.list", status=404)
    ledger.record_before(ledger.take_window(1), StageReadings(refused={2: unknown}), looked=True)
    ledger.record_before(ledger.take_window(1), StageReadings(), looked=False)
    [targets] = send(ledger, 2)
    for target in targets:
        ledger.record_accepted(target)
    assert [(each.outcome, each.reason) for each in targets] == [("unverified", TOO_OLD)] * 2


def test_a_target_that_did_not_arrive_has_a_place_where_it_was_read():
    ledger, targets = fired(2, expected="WON")
    for target in targets:
        ledger.record_accepted(target)
    ledger.record_after({deal(1): NEW})
    late = ledger.close()
    assert numbers(late) == [1]
    ledger.locate([*late, targets[1]], ExpectedStages({"C5:WON"}, {2}))
    assert [target.place for target in targets] == ["aside", None]


def test_the_next_reading_is_due_with_the_first_request_in_doubt():
    ledger = queued(*deals(1, 2))
    for sent_at, targets in zip((0.0, 50.0), send(ledger, 1, 1), strict=True):
        ledger.record_in_doubt(targets, LOST, sent_at=sent_at, now=sent_at, over=False)
    first, second = (request.due for request in ledger.in_doubt)
    assert first < second
    assert ledger.next_due == first
    assert ledger.settled == 0
