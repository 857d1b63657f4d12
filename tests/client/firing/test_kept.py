"""What an earlier try kept is read exactly, or refused as a whole: never read as something else."""

from __future__ import annotations

import base64
import json
import zlib
from math import isfinite

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from airflow_provider_bitrix24.client.errors import CheckpointError
from airflow_provider_bitrix24.client.firing.kept import read_kept
from airflow_provider_bitrix24.client.firing.part_values import (
    write_open,
    write_snapshots,
)
from airflow_provider_bitrix24.client.firing.parts import RECORD, TARGETS
from airflow_provider_bitrix24.client.packing import MOST_BYTES, pack, unpack
from airflow_provider_bitrix24.client.stages import Snapshot
from tests.support.firing import HOST, NEW, NEXT, MemoryStore
from tests.support.kept import REFS, damaged, read, refused, stored

PARTS = [RECORD, TARGETS, "snapshot_0", "after_0"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NUMBERS = st.integers(-3, 12) | st.integers()
WRONG_SNAPSHOTS = st.lists(st.lists(NUMBERS | JSON, max_size=5), max_size=3).map(
    lambda rows: pack(json.dumps(rows, allow_nan=True))
)


# -- exactly what was written


def test_every_part_comes_back_as_it_was_written():
    kept = read(stored())
    assert kept.lists == [REFS]
    assert (kept.host, kept.code, kept.states) == (HOST, "c", "mu...f")
    assert kept.open == [([2], 2e9), ([3, 4], 2e9)]
    assert kept.snapshots == dict.fromkeys(range(5), NEW)
    assert kept.after == {0: NEXT, 1: NEW}
    assert (kept.snapshot_parts, kept.after_parts, kept.last_sent, kept.rewritten) == (1, 1, 2e9, False)


def test_nothing_kept_is_a_fresh_start():
    assert read(MemoryStore()) is None


# -- damage


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_missing_is_refused_unless_nothing_was_sent(part):
    store = stored()
    del store[part]
    if part == RECORD:
        assert read(store) is None
    else:
        refused(store)


@pytest.mark.parametrize("part", PARTS)
@given(value=JSON)
def test_anything_else_in_place_of_a_part_is_refused(part, value):
    assume(part != RECORD or value is not None)
    refused(damaged(part, value))


@pytest.mark.parametrize("field", sorted(stored().load(RECORD)))
@given(value=JSON)
def test_anything_else_in_a_field_of_the_record_is_refused(field, value):
    record = stored().load(RECORD)
    fine = {
        "code": value is None or isinstance(value, str),
        "last_sent": value is None or (type(value) in (int, float) and isfinite(value)),
        "snapshot_parts": value == 0,  # where they stood is unknown then, so that nothing in doubt is fired
        "after_parts": value == 0,
        "method": isinstance(value, str),  # which is only logged
    }
    assume(value != record[field] and not fine.get(field))
    refused(damaged(RECORD, {**record, field: value}))


@pytest.mark.parametrize("field", sorted(stored().load(RECORD).keys() - {"method", "expected"}))
def test_a_record_without_one_of_its_fields_is_refused(field):
    record = stored().load(RECORD)
    del record[field]
    refused(damaged(RECORD, record))


@given(WRONG_SNAPSHOTS)
def test_snapshots_of_anything_else_are_refused_or_read_exactly(packed):
    store = damaged("snapshot_0", {"form": 2, "rows": packed})
    try:
        kept = read(store)
    except CheckpointError:
        return
    rows = json.loads(unpack(packed))
    assert kept.snapshots == {number: Snapshot(*rest) for number, *rest in rows}
    assert all(0 <= number < len(REFS) for number in kept.snapshots)


@given(st.lists(st.lists(NUMBERS | JSON, max_size=5), max_size=3))
def test_lists_of_anything_else_are_refused_or_hold_as_many_targets(rows):
    store = damaged(TARGETS, {"form": 2, "lists": [pack(json.dumps(rows))]})
    try:
        kept = read(store)
    except CheckpointError:
        return
    assert sum(map(len, kept.lists)) == len(kept.states) == len({ref for refs in kept.lists for ref in refs})


@given(st.integers(0, 400), st.integers(0, 7))
def test_a_bit_that_flips_in_the_states_is_noticed(place, bit):
    record = stored().load(RECORD)
    raw = bytearray(base64.b64decode(record["states"]))
    raw[place % len(raw)] ^= 1 << bit
    store = damaged(RECORD, {**record, "states": base64.b64encode(raw).decode()})
    try:
        kept = read(store)
    except CheckpointError:
        return
    assert kept.states == "mu...f", "the bit said nothing"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("states", pack("mu..f")),
        ("states", pack("mu...f.")),
        ("states", pack("")),
        ("states", pack("mu...!")),
        ("states", "no base64"),
        ("states", base64.b64encode(b"not compressed").decode()),
        ("states", base64.b64encode(zlib.compress(b"mu...f")[:-2]).decode()),
        ("open", write_open([([6], 2e9)])),
        ("open", write_open([([-1], 2e9)])),
        ("open", write_open([([2], 2e9), ([2], 2e9)])),
        ("open", write_open([([3, 3], 2e9)])),
        ("open", pack('[[[2],"yesterday"]]')),
        ("open", pack("[[[2],true]]")),
        ("open", pack("[[[2],NaN]]")),
        ("open", pack("[[[true],2e9]]")),
        ("open", pack("[[2,2e9]]")),
        ("open", pack("[[[2]]]")),
        ("open", pack("{}")),
        ("open", pack('[["",2e9]]')),
        ("after", write_snapshots({6: NEW})),
        ("snapshot_parts", 2),
        ("snapshot_parts", 10**12),
        ("snapshot_parts", True),
        ("snapshot_parts", -1),
        ("after_parts", 1.0),
        ("last_sent", True),
        ("last_sent", float("inf")),
        ("last_sent", 10**400),
        ("expected", {"stages": ["WON"]}),
        ("expected", {"stages": "WON", "or_later": False}),
        ("expected", {"stages": [1], "or_later": False}),
        ("expected", {"stages": None, "or_later": 0}),
        ("form", 0),
        ("form", 3),
        ("form", None),
        ("form", "2"),
    ],
)
def test_a_record_whose_fields_do_not_fit_is_refused(field, value):
    refused(damaged(RECORD, {**stored().load(RECORD), field: value}))


@pytest.mark.parametrize(
    "rows",
    [
        [[2, 1, 1, 1, 1, 1]],
        [[2, 1, 1, 1, 1, 1], [31, 7], [31, 8]],
        [[2, 1, 1, 1, 1, 0], [31, 7]],
        [[2, 1, 1, 1, 1, -1], [31, 7]],
        [[2, 0, 1, 1, 1, 1], [31, 7]],
        [[2, 1, 1, 1, 1, 2**63], [31, 7]],
        [[2, 1, 1, 1, 1, 1], [-31, 7]],
        [[2, 1, 1, 1, 1, 1.0], [31, 7]],
        [[2, True, 1, 1, 1, 1], [31, 7]],
        [[], [31, 7]],
    ],
)
def test_targets_that_cannot_be_are_refused(rows):
    refused(damaged(TARGETS, {"form": 2, "lists": [pack(json.dumps(rows))]}))


def bomb(text, times):
    return base64.b64encode(zlib.compress(text * times, 9)).decode()


BOMBS = {
    "too large": bomb(b" ", MOST_BYTES + 1),
    "nested deeper than anything": bomb(b"[", 200_000),
    "a number of a million digits": bomb(b"9", 1_000_000),
}


@pytest.mark.parametrize("kind", BOMBS)
@pytest.mark.parametrize(
    ("part", "field"),
    [(TARGETS, "lists"), ("snapshot_0", "rows"), ("after_0", "rows"), (RECORD, "states"), (RECORD, "open")],
)
def test_a_part_that_unpacks_to_more_than_it_should_is_refused(part, field, kind):
    value = BOMBS[kind]
    refused(damaged(part, {**stored().load(part), field: [value] if field == "lists" else value}))


def test_a_record_nested_deeper_than_anything_is_refused():
    value: list[object] = []
    for _ in range(5_000):
        value = [value]
    with pytest.raises(CheckpointError):
        read_kept({RECORD: {"form": value}}.get, host=HOST, code="c", refs=REFS)


def test_an_unreadable_checkpoint_names_the_keys_to_remove():
    error = refused(damaged(RECORD, {"form": 3}))
    assert str(error).startswith("The checkpoint of an earlier try cannot be read: its form is 3.")
    assert "bitrix24_firing" in error.hint
    assert error.permanent
