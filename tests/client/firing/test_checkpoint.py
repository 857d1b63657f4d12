"""The checkpoint: what one try writes down of each target, and what the next one does with it."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.entity_ref import EntityRef
from airflow_provider_bitrix24.client.errors import (
    AuthenticationError,
    CheckpointError,
    InvalidRequestError,
)
from airflow_provider_bitrix24.client.firing.checkpoint import amend
from airflow_provider_bitrix24.client.firing.kept import read_kept
from airflow_provider_bitrix24.client.firing.parts import (
    ACCEPTED,
    LETTERS,
    LOST,
    RECORD,
    STATES,
    TARGETS,
    WAITING,
)
from airflow_provider_bitrix24.client.report import OUTCOMES, TargetResult
from airflow_provider_bitrix24.client.stages import Snapshot
from tests.support.firing import (
    HOST,
    MINUTES,
    NEW,
    NEXT,
    MemoryStore,
    Try,
    api_error,
    deal,
    deals,
    finished_try,
    first_try,
    left_to_fire,
    numbers,
    outcomes,
)

BACK = Snapshot(NEW.stage, NEW.category_id, "2026-01-01T00:09:00+03:00")


# -- what a next try does with each target


def test_done_targets_are_left_alone_and_failed_ones_are_fired_again(store):
    first = Try(*deals(1, 2, 3, 4, 5), EntityRef(3, 6), store=store)
    first.read(dict.fromkeys((1, 2, 3, 5), NEW))
    [[moved, refused, waiting, unmoved, blind]] = first.send(5)
    first.accept([moved, unmoved, blind], {moved.ref: NEXT, unmoved.ref: NEW})
    first.ledger.record_refused(refused, api_error(AuthenticationError))
    first.ledger.return_unexecuted([waiting])
    first.end()
    assert outcomes(first.ledger) == ["moved", "failed", None, "failed", "unmoved", "unverified"]

    second = Try(*deals(1, 2, 3, 4, 5), EntityRef(3, 6), store=store)
    assert outcomes(second.ledger) == ["moved", None, None, None, None, "unverified"]
    assert second[1].result().as_dict() == {
        "target": "DEAL_1",
        "outcome": "moved",
        "stage_before": "NEW",
        "stage_after": "PREPARATION",
    }
    assert second.unread == [2, 3, 4], "refused, not sent, missing"
    assert [numbers(request.targets) for request in second.ledger.in_doubt] == [[5]], "looked at first"
    assert second.ledger.resumed


def test_accepted_targets_are_read_again_and_not_fired(store):
    first = first_try(store, 1, 2, 3)
    [targets] = first.send(2)
    first.accept(targets)
    first.save()

    second = Try(*deals(1, 2, 3), store=store)
    assert second.ledger.accepted == deals(1, 2)
    assert second.unread == [3]
    second.ledger.record_after({deal(1): NEXT, deal(2): NEW})
    assert second[1].outcome == "moved"
    assert numbers(second.ledger.close()) == [2]
    second.save()

    third = Try(*deals(1, 2, 3), store=store)
    assert outcomes(third.ledger) == ["moved", None, None]
    assert third.unread == [3]
    assert [numbers(request.targets) for request in third.ledger.in_doubt] == [[2]]


def test_targets_that_moved_elsewhere_are_read_again_and_never_fired(store):
    first = first_try(store, 1, 2, expected="WON")
    [targets] = first.send(2)
    first.accept(targets, {deal(1): NEXT, deal(2): NEXT})
    first.end()
    assert outcomes(first.ledger) == ["elsewhere", "elsewhere"]

    second = Try(*deals(1, 2), store=store, expected="WON")
    assert (second.ledger.accepted, second.ledger.in_doubt, second.unread) == (deals(1, 2), (), [])
    second.ledger.record_after({deal(1): Snapshot("WON", 0, "later")})
    second.end()
    assert outcomes(second.ledger) == ["moved", "elsewhere"]
    assert second[2].result().stage_after == "PREPARATION"
    assert second.ledger.queued == 0


@pytest.mark.parametrize("seen", [NEXT, BACK])
def test_a_target_that_moved_only_after_its_try_had_ended_is_not_fired_again(store, seen):
    first = first_try(store, 1)
    [targets] = first.send(1)
    first.accept(targets, {deal(1): NEW})
    first.end()
    assert outcomes(first.ledger) == ["unmoved"]

    second = Try(deal(1), store=store, now=5.0)
    second.read_in_doubt({deal(1): seen})
    second.end()
    assert outcomes(second.ledger) == ["moved" if seen == NEXT else "unmoved"]
    third = Try(deal(1), store=store, now=MINUTES)
    third.read_in_doubt({deal(1): seen})
    assert (third.ledger.queued, third.unread) == (0, [])


def test_an_unmoved_target_is_fired_again_only_a_minute_after_its_send_by_the_portals_clock(store):
    first = first_try(store, 1)
    [targets] = first.send(1)
    first.accept(targets, {deal(1): NEW})
    first.end()

    second = Try(deal(1), store=store, now=10.0)
    second.read_in_doubt({deal(1): NEW})
    assert (second.ledger.queued, second.ledger.next_due) == (0, 63.0)
    second.now = 63.0
    second.read_in_doubt({deal(1): NEW})
    assert left_to_fire(second.ledger) == [1]


def test_an_unmoved_target_that_was_not_read_before_its_fire_stays_unknown(store):
    """Its stage before is nowhere, so that nobody can tell whether it has moved since."""
    first = first_try(store, 1)
    [targets] = first.send(1)
    first.accept(targets, {deal(1): NEW})
    first.end()
    record = store.load(RECORD)
    store.save(RECORD, {**record, "snapshot_parts": 0}, ahead=False)

    second = Try(deal(1), store=store, now=MINUTES)
    assert (second[1].outcome, second[1].error.executed) == ("failed", "unknown")
    assert (second.ledger.queued, second.unread) == (0, [])


# -- other jobs


def test_another_portal_is_refused_and_another_code_is_not(store):
    finished_try(store, 1, 2)
    with pytest.raises(CheckpointError, match=f"is of the portal {HOST}, and the connection leads to other.example"):
        Try(*deals(1, 2), store=store, host="other.example")
    assert outcomes(Try(*deals(1, 2), store=store, code="d").ledger) == ["moved", None]
    assert read_kept(store.load, host=HOST, code="d", refs=[]).code == "c"


def test_nothing_is_kept_before_the_first_request_leaves(store):
    first = first_try(store, 1, 2)
    first.save()
    first.end()
    assert RECORD not in store
    assert read_kept(store.load, host=HOST, code="c", refs=deals(1, 2)) is None
    assert Try(*deals(1, 2), store=store).unread == [1, 2]


def test_what_is_written_ahead_names_the_targets_before_the_record_lists_them(store):
    class Order(MemoryStore):
        def save(self, part, value, *, ahead):
            super().save(part, value, ahead=ahead)
            written.append((part, ahead))

    written = []
    first = first_try(Order(), 1, 2)
    first.send(1)
    first.save()
    first.send(1)
    assert written == [
        ("snapshot_0", False),
        (TARGETS, False),
        (RECORD, True),
        (RECORD, False),
        (RECORD, True),
    ]


# -- after the firing


def results(**outcomes_by_number):
    return [
        TargetResult(target=f"DEAL_{name[1:]}", outcome=outcome, stage_before="NEW", stage_after=stage)
        for name, (outcome, stage) in outcomes_by_number.items()
    ]


def test_what_was_learnt_while_a_task_waited_is_added(store):
    first = first_try(store, 1, 2, 3, 4, expected="WON")
    [targets] = first.send(4)
    first.ledger.record_refused(targets[3], api_error(InvalidRequestError))
    first.accept(targets[:3], {deal(1): NEW, deal(2): NEW, deal(3): NEXT})
    first.end()
    assert outcomes(first.ledger) == ["unmoved", "unmoved", "elsewhere", "failed"]
    learnt = results(_1=("moved", "WON"), _2=("unmoved", "NEW"), _3=("elsewhere", "EXECUTING"), _4=("failed", None))
    for awaited in (True, False):
        store.save(RECORD, amend(store.load, learnt, awaited=awaited), ahead=False)
        second = Try(*deals(1, 2, 3, 4), store=store, expected="WON")
        assert second[1].result().stage_after == "WON"
        assert second.ledger.accepted == (deals(2, 3) if awaited else deals(3))
        assert [numbers(each.targets) for each in second.ledger.in_doubt] == ([] if awaited else [[2]])
        assert second.unread == [4]


def test_a_target_that_was_added_and_not_fired_may_be_among_what_was_learnt(store):
    finished_try(store, 1, 2)
    second = Try(*deals(1, 2, 3), store=store, expected="PREPARATION", now=MINUTES)
    second.read({3: NEXT})
    second.read_in_doubt({deal(2): NEXT})
    second.end()
    learnt = [target.result() for target in second.ledger.targets]
    assert amend(store.load, learnt, awaited=False)["states"] == store.load(RECORD)["states"]


def test_there_is_nothing_to_bring_up_to_date_where_nothing_was_sent_or_a_part_is_damaged(store):
    assert amend(store.load, [], awaited=False) is None
    store.save(RECORD, {"form": 1}, ahead=False)
    assert amend(store.load, [], awaited=False) is None
    store.clear()
    finished_try(store, 1, 2)
    store.save(TARGETS, {"lists": ["?"]}, ahead=False)
    with pytest.raises(CheckpointError):
        amend(store.load, [], awaited=False)


def test_an_awaited_target_that_cannot_be_read_again_is_not_said_to_have_moved(store):
    first = first_try(store, 1, 2, expected="WON")
    [targets] = first.send(2)
    first.accept(targets, {deal(1): NEW, deal(2): NEXT})
    first.end()
    learnt = results(_1=("unmoved", "NEW"), _2=("elsewhere", "PREPARATION"))
    store.save(RECORD, amend(store.load, learnt, awaited=True), ahead=False)
    second = Try(*deals(1, 2), store=store, expected="WON")
    second.end()
    assert outcomes(second.ledger) == ["unmoved", "elsewhere"]


def test_every_outcome_has_a_letter_of_its_own_that_a_next_try_reads():
    letters = [*LETTERS.values(), WAITING, ACCEPTED, LOST]
    assert set(LETTERS) == set(OUTCOMES)
    assert sorted(letters) == sorted(STATES)


def test_letters_of_checkpoints_that_exist_keep_their_meaning():
    known = {"moved": "m", "already": "a", "unmoved": "u", "elsewhere": "e", "unverified": "v", "failed": "f"}
    assert known.items() <= LETTERS.items()
    assert (WAITING, ACCEPTED, LOST) == (".", "p", "x")
