"""The values of a checkpoint's parts come back exactly as they were written."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitrix24.client.entity_ref import EntityRef
from airflow_provider_bitrix24.client.firing import part_values
from airflow_provider_bitrix24.client.firing.part_values import (
    read_lists,
    read_open,
    read_snapshots,
    write_lists,
    write_open,
    write_snapshots,
)
from airflow_provider_bitrix24.client.firing.parts import TARGETS
from airflow_provider_bitrix24.client.packing import pack
from airflow_provider_bitrix24.client.stages import UNKNOWN_MOMENT, Snapshot
from tests.support.kept import damaged, refused

IDS = st.integers(1, 9223372036854775807)
ANY_REFS = st.builds(EntityRef, st.sampled_from([1, 2, 7, 31, 128, 32767]), IDS)


@given(st.lists(st.lists(ANY_REFS, max_size=60).map(sorted), max_size=4))
def test_lists_of_targets_come_back_exactly(lists):
    assert read_lists(json.loads(json.dumps(write_lists(lists)))) == lists


@given(st.lists(st.tuples(st.lists(st.integers(0, 10**6)), st.none() | st.floats(1e9, 1e11)), max_size=5))
def test_open_requests_come_back_exactly(requests):
    assert read_open(write_open(requests)) == requests


TEXTS = st.none() | st.text(min_size=1, max_size=20).filter(str.isprintable)
CATEGORIES = st.none() | st.integers(-(2**63) + 1, 2**63 - 1)
MOMENTS = TEXTS | st.just(UNKNOWN_MOMENT)


@given(st.dictionaries(st.integers(0, 10**6), st.builds(Snapshot, TEXTS, CATEGORIES, MOMENTS)))
def test_snapshots_come_back_exactly(snapshots):
    assert read_snapshots(write_snapshots(snapshots)) == snapshots


def test_many_lists_are_not_larger_than_one_may_be(monkeypatch):
    most = 100_000
    monkeypatch.setattr(part_values, "MOST_BYTES", most)
    for spaces in (most // 2, most - 2):
        padded = pack("[]" + " " * spaces)
        assert read_lists({"lists": [padded]}) == [[]]
        refused(damaged(TARGETS, {"form": 2, "lists": [padded, padded]}))
