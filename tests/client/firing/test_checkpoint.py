"""The checkpoint's parts: what one try writes down, the next one reads back, whatever came between."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitrix24.client.errors import (
    AuthenticationError,
    CheckpointError,
    InvalidRequestError,
)
from airflow_provider_bitrix24.client.firing.checkpoint import MOST_IN_RECORD, amend
from airflow_provider_bitrix24.client.firing.kept import RECORD, TARGETS, read_kept, read_lists, read_open
from airflow_provider_bitrix24.client.report import TargetResult
from airflow_provider_bitrix24.client.stages import Snapshot
from airflow_provider_bitrix24.client.targets import EntityRef
from tests.support.firing import (
    HOST,
    LOST,
    NEW,
    NEXT,
    MemoryStore,
    Try,
    api_error,
    deal,
    deals,
    left_to_fire,
    numbers,
    outcomes,
    standing,
)

BACK = Snapshot(NEW.stage, NEW.category_id, "2026-01-01T00:09:00+03:00")
MINUTES = 600.0


@pytest.fixture
def store():
    return MemoryStore()


def unread(a_try):
    return numbers(a_try.ledger.unread_refs())


def new(*ids):
    return dict.fromkeys(ids, NEW)


def first_try(store, *ids, **options):
    """A try that has read some deals, and is about to fire them."""
    made = Try(*deals(*ids), store=store, **options)
    made.read(new(*ids))
    return made


# -- what a next try does with each target


def test_done_targets_are_left_alone_and_failed_ones_are_fired_again(store):
    first = Try(*deals(1, 2, 3, 4, 5), EntityRef(3, 6), store=store)
    first.read(new(1, 2, 3, 5))
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
    assert unread(second) == [2, 3, 4], "refused, not sent, missing"
    assert [numbers(request.targets) for request in second.ledger.in_doubt] == [[5]], "looked at first"
    assert second.ledger.resumed


def test_accepted_targets_are_read_again_and_not_fired(store):
    first = first_try(store, 1, 2, 3)
    [targets] = first.send(2)
    first.accept(targets)
    first.save()

    second = Try(*deals(1, 2, 3), store=store)
    assert second.ledger.accepted == deals(1, 2)
    assert unread(second) == [3]
    second.ledger.record_after({deal(1): NEXT, deal(2): NEW})
    assert second[1].outcome == "moved"
    assert numbers(second.ledger.close()) == [2]
    second.save()

    third = Try(*deals(1, 2, 3), store=store)
    assert outcomes(third.ledger) == ["moved", None, None]
    assert unread(third) == [3]
    assert [numbers(request.targets) for request in third.ledger.in_doubt] == [[2]]


def test_targets_that_moved_elsewhere_are_read_again_and_never_fired(store):
    first = first_try(store, 1, 2, expected="WON")
    [targets] = first.send(2)
    first.accept(targets, {deal(1): NEXT, deal(2): NEXT})
    first.end()
    assert outcomes(first.ledger) == ["elsewhere", "elsewhere"]

    second = Try(*deals(1, 2), store=store, expected="WON")
    assert (second.ledger.accepted, second.ledger.in_doubt, unread(second)) == (deals(1, 2), (), [])
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
    assert (third.ledger.queued, unread(third)) == (0, [])


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
    store.save(TARGETS, {"form": 2, "lists": []}, ahead=False)
    first = first_try(store, 1)
    [targets] = first.send(1)
    first.accept(targets, {deal(1): NEW})
    first.end()
    record = store.load(RECORD)
    store.save(RECORD, {**record, "snapshot_parts": 0}, ahead=False)

    second = Try(deal(1), store=store, now=MINUTES)
    assert (second[1].outcome, second[1].error.executed) == ("failed", "unknown")
    assert (second.ledger.queued, unread(second)) == (0, [])


# -- requests that had no answer


@pytest.mark.parametrize(("later", "waits"), [(5.0, 58.0), (63.0, 0.0), (10_000.0, 0.0), (-30.0, 60.0)])
def test_requests_in_flight_are_read_first_and_are_over_a_minute_after_their_send(store, later, waits):
    first = first_try(store, 1, 2, 3, 4, portal_ahead=2e9)
    first.now = 10.0
    first.send(2, 1)

    # Another host, whose clock has nothing to do with the first one's.
    second = Try(*deals(1, 2, 3, 4), store=store, now=77.0, portal_ahead=2e9 + 10.0 - 77.0 + later)
    assert unread(second) == [4]
    assert [numbers(request.targets) for request in second.ledger.in_doubt] == [[1, 2], [3]]
    assert (second.ledger.next_due, second[1].before) == (77.0, NEW)
    second.read_in_doubt(standing((), 4))
    if waits:
        assert (second.ledger.queued, second.ledger.next_due) == (0, 77.0 + waits)
    else:
        assert sorted(left_to_fire(second.ledger)) == [1, 2, 3]


@pytest.mark.parametrize(("ahead", "known"), [(None, True), (2e9, False)])
def test_where_either_try_does_not_know_the_portals_clock_the_wait_is_full(store, ahead, known):
    first = first_try(store, 1, portal_ahead=ahead)
    first.send(1)
    second = Try(deal(1), store=store, now=77.0, portal_ahead=2e9 + MINUTES)
    second.read_in_doubt(standing((), 1), portal_known=known)
    assert (second.ledger.queued, second.ledger.next_due) == (0, 137.0)


@pytest.mark.parametrize(
    ("takes", "sent_at"),
    [
        ([0.0, 0.0], 0.0),
        ([0.5, 0.5], 0.5),
        ([0.0, 20.0], 40.0),  # the second record allows for another 20 s
        ([5.0, 5.0, 5.9], 15.0),
        ([0.0, 2.0, 7.0, 8.0], 16.0),
    ],
)
def test_a_store_that_is_slow_does_not_make_a_request_look_older_than_it_is(store, takes, sent_at):
    first = first_try(store, 1)
    first.send(1, takes=takes)
    kept = read_kept(store.load, host=HOST, code="c", refs=deals(1))
    assert kept.open == [([0], 2e9 + sent_at)]
    assert kept.last_sent == 2e9 + sent_at
    assert first.now == sum(takes)
    assert first.now <= sent_at + 1.0


def test_where_the_portals_clock_is_unknown_a_slow_store_is_written_to_once(store):
    first = first_try(store, 1, portal_ahead=None)
    first.send(1, takes=[0.0, 20.0])
    assert first.now == 20.0


def test_a_request_that_two_tries_have_left_open_is_as_old_as_its_send(store):
    first = first_try(store, 1, 2)
    first.send(1)
    second = Try(*deals(1, 2), store=store, now=30.0)
    second.read_in_doubt(standing((), 2))
    second.save()
    third = Try(*deals(1, 2), store=store, now=40.0)
    third.read_in_doubt(standing((), 2))
    assert third.ledger.next_due == 63.0


def test_a_sign_of_life_that_one_try_saw_makes_the_next_one_wait_in_full(store):
    first = first_try(store, 1, 2)
    first.send(2)
    second = Try(*deals(1, 2), store=store, now=100.0)
    second.read_in_doubt(standing({1}, 2))
    assert second.ledger.next_due == 160.0
    second.save()
    third = Try(*deals(1, 2), store=store, now=110.0)
    third.read_in_doubt(standing({1}, 2))
    assert (third.ledger.queued, third.ledger.next_due) == (0, 170.0)


def test_lost_targets_of_two_requests_are_decided_each_by_itself(store):
    first = first_try(store, 1, 2, 3, 4)
    for targets in first.send(2, 2):
        first.lose(targets)
    first.ledger.give_up(LOST)
    first.save()

    second = Try(*deals(1, 2, 3, 4), store=store, now=MINUTES)
    assert outcomes(second.ledger) == [None] * 4
    second.read_in_doubt(standing({3, 4}, 4))
    assert outcomes(second.ledger) == [None, None, "moved", "moved"]
    assert left_to_fire(second.ledger) == [1, 2]


def test_a_target_in_doubt_that_had_vanished_is_looked_at_again(store):
    first = first_try(store, 1)
    [targets] = first.send(1)
    first.lose(targets, over=True)
    first.read_in_doubt({})
    first.end()
    assert outcomes(first.ledger) == ["failed"]

    second = Try(deal(1), store=store, now=5.0)
    assert (unread(second), second.ledger.queued) == ([], 0), "not fired before it is read"
    second.read_in_doubt({deal(1): NEXT})
    assert outcomes(second.ledger) == ["moved"]


def test_a_lost_target_that_nobody_can_read_stays_lost(store):
    first = Try(*deals(1, 2), store=store)
    first.read({}, looked=False)
    [targets] = first.send(1)
    first.lose(targets)
    first.save()
    for _ in range(2):
        later = Try(*deals(1, 2), store=store)
        assert unread(later) == [2]
        assert later[1].error.executed == "unknown"
        later.save()


def test_an_open_request_that_nobody_could_read_stays_lost(store):
    first = Try(*deals(1, 2), store=store)
    first.read({}, looked=False)
    first.send(1)
    second = Try(*deals(1, 2), store=store)
    assert (unread(second), second[1].error.executed, second[1].error.code) == ([2], "unknown", "OutcomeUnknown")


# -- a list that changed between tries


def finished(store, *ids):
    """A try that has fired all of these, of which the last did not move."""
    first = first_try(store, *ids)
    [targets] = first.send(len(ids))
    first.accept(targets, {deal(number): NEXT for number in ids[:-1]} | {deal(ids[-1]): NEW})
    first.end()


@pytest.mark.parametrize(
    ("ids", "settled", "to_read", "in_doubt"),
    [
        ((1, 2, 3, 4, 5), [1, 2, 3], [5], [4]),
        ((0, 1, 2, 3, 4), [1, 2, 3], [0], [4]),
        ((1, 3, 4), [1, 3], [], [4]),
        ((4, 3, 2, 1), [1, 2, 3], [], [4]),
        ((1, 2, 3), [1, 2, 3], [], []),
        ((7, 8), [], [7, 8], []),
    ],
)
def test_a_list_that_changed_is_matched_target_by_target(store, ids, settled, to_read, in_doubt):
    finished(store, 1, 2, 3, 4)
    second = Try(*deals(*ids), store=store, now=MINUTES)
    assert sorted(target.ref.id for target in second.ledger.targets if target.outcome == "moved") == settled
    assert unread(second) == to_read
    assert [each for request in second.ledger.in_doubt for each in numbers(request.targets)] == in_doubt


def test_a_target_that_vanishes_from_the_list_and_comes_back_is_still_known(store):
    finished(store, 1, 2, 3)
    second = Try(*deals(2, 9), store=store, now=MINUTES)
    second.read(new(9))
    [targets] = second.send(1)
    second.accept(targets, {deal(9): NEXT})
    second.end()

    third = Try(*deals(1, 2, 3, 9), store=store, now=2 * MINUTES)
    assert outcomes(third.ledger) == ["moved", "moved", None, "moved"]
    assert unread(third) == []
    assert [numbers(request.targets) for request in third.ledger.in_doubt] == [[3]]


def test_an_open_request_whose_target_vanishes_for_one_try_is_still_read_first(store):
    first = first_try(store, 1, 2)
    first.send(2)
    second = Try(*deals(2), store=store, now=MINUTES)
    second.read_in_doubt({deal(2): NEXT})
    second.end()

    third = Try(*deals(1, 2), store=store, now=2 * MINUTES)
    assert (outcomes(third.ledger), unread(third)) == ([None, "moved"], [])
    third.read_in_doubt({deal(1): NEXT})
    assert outcomes(third.ledger) == ["moved", "moved"]


def test_a_target_that_was_added_and_not_fired_is_kept_too(store):
    finished(store, 1, 2)
    second = Try(*deals(1, 2, 3), store=store, expected="PREPARATION", now=MINUTES)
    second.read({3: NEXT})
    assert second[3].outcome == "already"
    second.read_in_doubt({deal(2): NEXT})
    second.end()
    assert sorted(ref.id for refs in read_lists(store.load(TARGETS)) for ref in refs) == [1, 2, 3]

    third = Try(*deals(1, 2, 3), store=store, now=MINUTES)
    assert outcomes(third.ledger) == ["moved", "moved", "already"]


def test_a_resumption_that_ends_before_it_has_read_its_new_targets_can_be_saved(store):
    finished(store, 1, 2)
    second = Try(*deals(1, 2, 3), store=store, now=MINUTES)
    second.ledger.give_up(api_error(AuthenticationError))
    second.end()
    assert outcomes(second.ledger) == ["moved", "failed", "failed"]

    third = Try(*deals(1, 2, 3), store=store, now=MINUTES)
    assert (outcomes(third.ledger), unread(third)) == (["moved", None, None], [3])


def test_a_try_that_dies_between_the_list_and_the_record_leaves_both_readable(store):
    finished(store, 1, 2)
    second = first_try(store, 1, 2, 3)
    record = store[RECORD]
    second.send(1)
    store[RECORD] = record
    third = Try(*deals(1, 2, 3), store=store, now=MINUTES)
    assert (outcomes(third.ledger), unread(third)) == (["moved", None, None], [3])


@given(st.lists(st.lists(st.integers(1, 12), unique=True, min_size=1), min_size=2, max_size=5), st.randoms())
def test_however_a_list_changes_a_target_that_was_sent_is_read_before_it_is_fired(lists, chance):
    store, sent = MemoryStore(), set()
    for order in lists:
        a_try = Try(*deals(*order), store=store)
        assert not sent & set(unread(a_try))
        a_try.read(new(*unread(a_try)))
        taken = a_try.ledger.queued and chance.randint(0, a_try.ledger.queued)
        if taken:
            [targets] = a_try.send(taken)
            sent |= set(numbers(targets))
            if chance.random() < 0.5:
                a_try.accept(targets, {target.ref: NEXT for target in targets if chance.random() < 0.5})
                a_try.end()


# -- other jobs


def test_another_portal_is_refused_and_another_code_is_not(store):
    finished(store, 1, 2)
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
    assert unread(Try(*deals(1, 2), store=store)) == [1, 2]


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
        assert unread(second) == [4]


def test_a_target_that_was_added_and_not_fired_may_be_among_what_was_learnt(store):
    finished(store, 1, 2)
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
    finished(store, 1, 2)
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


# -- size


MIXED = [
    Snapshot(stage, pipeline, f"2026-01-{day}T10:{minute}:00+03:00")
    for pipeline, stage in enumerate(["NEW", "C5:NEW", "C12:PREPARATION", "DT177_12:CLIENT", "UC_X7K2PQ"])
    for day in range(10, 28, 3)
    for minute in range(10, 60, 3)
]


def mixed_targets(count, chance):
    types = (1, 2, 7, 31, 128, 177)
    numbers = chance.sample(range(1, 10 * count), count)
    return [EntityRef(types[number % len(types)], number) for number in numbers]


def test_the_record_of_100_000_mixed_targets_is_small_around_every_request(store):
    """All outcomes at random, which packs worst; then all that did not move is in doubt at once in a next try."""
    chance = random.Random(7)  # noqa: S311 - nothing secret
    refs = mixed_targets(100_000, chance)
    first = Try(*refs, store=store, expected="WON")
    largest = 0

    class Measured(MemoryStore):
        def save(self, part, value, *, ahead):
            nonlocal largest
            super().save(part, value, ahead=ahead)
            if part == RECORD:
                largest = max(largest, len(self[RECORD]))

    first.store = store = Measured(store)
    while first.ledger.unread:
        window = first.ledger.take_window(min(2_500, first.ledger.unread))
        first.record_window(window, {each.ref: chance.choice(MIXED) for each in window})
        while first.ledger.queued:
            groups = first.send(*[min(490, first.ledger.queued)])
            for targets in groups:
                for target in targets:
                    answer(first, target, chance)
            first.save()
    first.end()
    assert {*outcomes(first.ledger)} == {"moved", "unmoved", "elsewhere", "failed"}
    assert largest < 64_000
    assert len(store[TARGETS]) < 400_000

    second = Try(*refs, store=store, expected="WON", now=5.0)
    in_doubt = sum(len(request.targets) for request in second.ledger.in_doubt)
    assert in_doubt > 20_000
    second.read_in_doubt({target.ref: target.before for r in second.ledger.in_doubt for target in r.targets})
    assert sum(len(request.targets) for request in second.ledger.in_doubt) == in_doubt, "not over yet"
    second.save()
    assert largest < 64_000


def answer(a_try, target, chance):
    """One of the things that can become of a target."""
    kind = chance.randrange(6)
    if kind == 0:
        a_try.ledger.record_refused(target, api_error(InvalidRequestError))
    elif kind == 1:
        a_try.lose([target], over=True)
        a_try.read_in_doubt({})
    else:
        moved = Snapshot("WON", 5, "later") if kind == 2 else chance.choice(MIXED)
        a_try.accept([target], {target.ref: target.before if kind == 3 else moved})


def test_stages_after_leave_the_record_for_parts_of_their_own(store):
    count = 2 * MOST_IN_RECORD + 10
    first = first_try(store, *range(1, count + 1))
    while first.ledger.queued:
        [targets] = first.send(min(500, first.ledger.queued))
        first.accept(targets, {each.ref: Snapshot(f"STAGE_{each.ref.id % 300}", 0) for each in targets})
        first.save()
    assert store.load(RECORD)["after_parts"] == 2
    second = Try(*deals(*range(1, count + 1)), store=store)
    assert second.ledger.settled == count
    assert {second_target.result().stage_after for second_target in second.ledger.targets} == {
        f"STAGE_{number}" for number in range(300)
    }


def test_numbers_of_open_requests_are_packed_and_come_back(store):
    first = first_try(store, *range(1, 1001))
    for targets in first.send(100, 1, 700):
        first.lose(targets)
    first.save()
    kept = read_open(store.load(RECORD)["open"])
    assert [len(numbers) for numbers, _ in kept] == [100, 1, 700]
    assert all(after == before + 1 for numbers, _ in kept for before, after in pairwise(numbers))
    assert len(store.load(RECORD)["open"]) < 200
