"""The checkpoint stays small, however many targets there are and whatever becomes of them."""

from __future__ import annotations

import json
import random
from itertools import pairwise

import pytest

from airflow_provider_bitrix24.client.entity_ref import EntityRef
from airflow_provider_bitrix24.client.errors import InvalidRequestError
from airflow_provider_bitrix24.client.firing.checkpoint import MOST_IN_RECORD
from airflow_provider_bitrix24.client.firing.part_values import read_open, write_lists
from airflow_provider_bitrix24.client.firing.parts import RECORD, TARGETS
from airflow_provider_bitrix24.client.stages import Snapshot
from tests.support.firing import (
    MemoryStore,
    Try,
    api_error,
    deals,
    first_try,
    outcomes,
)

pytestmark = pytest.mark.no_cover  # many runs of lines that other tests cover; tracing them takes longer than they do

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
            groups = first.send(*[min(980, first.ledger.queued)])
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


def test_a_hundred_thousand_neighbours_take_little_room():
    assert len(json.dumps(write_lists([deals(*range(1, 100_001))]))) < 2_000
