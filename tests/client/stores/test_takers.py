"""Who has taken from a bucket: kept for the latest, and read whatever others have written there."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.stores.takers import ACTIVE, MOST, count_others, note_taker, read_takers

NOW = 1000.0


def bucket(**takers):
    return {"takers": takers}


def test_what_a_process_takes_is_added_up():
    kept = {"takers": note_taker(None, NOW, 3, "a")}
    assert note_taker(kept, NOW + 1, 2, "a") == {"a": [NOW + 1, 5]}


def test_the_latest_takers_are_kept():
    kept = None
    for number in range(MOST + 5):
        kept = {"takers": note_taker(kept, NOW + number, 1, f"process {number}")}
    assert list(kept["takers"]) == [f"process {number}" for number in range(5, MOST + 5)]


def test_others_are_those_that_have_taken_lately():
    kept = bucket(own=[NOW, 1], other=[NOW - ACTIVE, 1], gone=[NOW - ACTIVE - 1, 1])
    assert count_others(kept, NOW, "own") == 1
    assert count_others(kept, NOW, "new") == 2


@pytest.mark.parametrize(
    "taken",
    [None, [], [NOW], [NOW, 1, 1], ["x", 1], [NOW, -1], [NOW, True], [NOW, 2**53], [NOW + 1, 1], [NOW - 601, 1], "x"],
)
def test_what_is_not_a_taker_is_left_out(taken):
    assert read_takers(bucket(odd=taken, sound=[NOW, 1]), NOW) == [("sound", (NOW, 1))]


@pytest.mark.parametrize("kept", [None, 5, [], {}, {"takers": None}, {"takers": []}, bucket(**{"x" * 81: [NOW, 1]})])
def test_what_holds_no_takers_has_none(kept):
    assert read_takers(kept, NOW) == []
