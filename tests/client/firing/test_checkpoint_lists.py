"""A list that changed between tries is matched target by target."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitrix24.client.errors import AuthenticationError
from airflow_provider_bitrix24.client.firing.part_values import read_lists
from airflow_provider_bitrix24.client.firing.parts import RECORD, TARGETS
from tests.support.firing import (
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
    numbers,
    outcomes,
)


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
    finished_try(store, 1, 2, 3, 4)
    second = Try(*deals(*ids), store=store, now=MINUTES)
    assert sorted(target.ref.id for target in second.ledger.targets if target.outcome == "moved") == settled
    assert second.unread == to_read
    assert [each for request in second.ledger.in_doubt for each in numbers(request.targets)] == in_doubt


def test_a_target_that_vanishes_from_the_list_and_comes_back_is_still_known(store):
    finished_try(store, 1, 2, 3)
    second = Try(*deals(2, 9), store=store, now=MINUTES)
    second.read({9: NEW})
    [targets] = second.send(1)
    second.accept(targets, {deal(9): NEXT})
    second.end()

    third = Try(*deals(1, 2, 3, 9), store=store, now=2 * MINUTES)
    assert outcomes(third.ledger) == ["moved", "moved", None, "moved"]
    assert third.unread == []
    assert [numbers(request.targets) for request in third.ledger.in_doubt] == [[3]]


def test_an_open_request_whose_target_vanishes_for_one_try_is_still_read_first(store):
    first = first_try(store, 1, 2)
    first.send(2)
    second = Try(*deals(2), store=store, now=MINUTES)
    second.read_in_doubt({deal(2): NEXT})
    second.end()

    third = Try(*deals(1, 2), store=store, now=2 * MINUTES)
    assert (outcomes(third.ledger), third.unread) == ([None, "moved"], [])
    third.read_in_doubt({deal(1): NEXT})
    assert outcomes(third.ledger) == ["moved", "moved"]


def test_a_target_that_was_added_and_not_fired_is_kept_too(store):
    finished_try(store, 1, 2)
    second = Try(*deals(1, 2, 3), store=store, expected="PREPARATION", now=MINUTES)
    second.read({3: NEXT})
    assert second[3].outcome == "already"
    second.read_in_doubt({deal(2): NEXT})
    second.ledger.record_after({deal(1): NEXT, deal(2): NEXT})
    second.end()
    assert sorted(ref.id for refs in read_lists(store.load(TARGETS)) for ref in refs) == [1, 2, 3]

    third = Try(*deals(1, 2, 3), store=store, expected="PREPARATION", now=MINUTES)
    assert outcomes(third.ledger) == ["moved", "moved", "already"]


def test_a_resumption_that_ends_before_it_has_read_its_new_targets_can_be_saved(store):
    finished_try(store, 1, 2)
    second = Try(*deals(1, 2, 3), store=store, now=MINUTES)
    second.ledger.give_up(api_error(AuthenticationError))
    second.end()
    assert outcomes(second.ledger) == ["moved", "failed", "failed"]

    third = Try(*deals(1, 2, 3), store=store, now=MINUTES)
    assert (outcomes(third.ledger), third.unread) == (["moved", None, None], [3])


def test_a_try_that_dies_between_the_list_and_the_record_leaves_both_readable(store):
    finished_try(store, 1, 2)
    second = first_try(store, 1, 2, 3)
    record = store[RECORD]
    second.send(1)
    store[RECORD] = record
    third = Try(*deals(1, 2, 3), store=store, now=MINUTES)
    assert (outcomes(third.ledger), third.unread) == (["moved", None, None], [3])


@given(st.lists(st.lists(st.integers(1, 12), unique=True, min_size=1), min_size=2, max_size=5), st.randoms())
def test_however_a_list_changes_a_target_that_was_sent_is_read_before_it_is_fired(lists, chance):
    store, sent = MemoryStore(), set()
    for order in lists:
        a_try = Try(*deals(*order), store=store)
        assert not sent & set(a_try.unread)
        a_try.read(dict.fromkeys(a_try.unread, NEW))
        taken = a_try.ledger.queued and chance.randint(0, a_try.ledger.queued)
        if taken:
            [targets] = a_try.send(taken)
            sent |= set(numbers(targets))
            if chance.random() < 0.5:
                a_try.accept(targets, {target.ref: NEXT for target in targets if chance.random() < 0.5})
                a_try.end()
