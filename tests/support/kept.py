"""What a try that was cut off kept, whole or damaged, and what reading it gives."""

from __future__ import annotations

import json

import pytest

from airflow_provider_bitrix24.client.entity_ref import EntityRef
from airflow_provider_bitrix24.client.errors import CheckpointError
from airflow_provider_bitrix24.client.firing.kept import read_kept
from airflow_provider_bitrix24.client.firing.part_values import write_snapshots
from airflow_provider_bitrix24.client.firing.parts import RECORD
from tests.support.firing import HOST, NEW, NEXT, MemoryStore, Try, deal, deals

REFS = [*deals(1, 2, 3, 4, 5), EntityRef(31, 7)]


def stored():
    """What a try left that was cut off: one moved, one unmoved, two in a request, one in doubt, one missing."""
    store = MemoryStore()
    first = Try(*REFS, store=store)
    first.read(dict.fromkeys(range(1, 6), NEW))
    [accepted] = first.send(2)
    first.accept(accepted, {deal(1): NEXT, deal(2): NEW})
    first.ledger.close()
    [lost] = first.send(1)
    first.lose(lost)
    first.send(2)
    # The stages after leave the record only when there are many.
    record = store.load(RECORD)
    after = {"form": 2, "rows": record["after"]}
    store.save("after_0", after, ahead=False)
    store.save(RECORD, {**record, "after": write_snapshots({}), "after_parts": 1}, ahead=False)
    return store


def read(store):
    return read_kept(store.load, host=HOST, code="c", refs=REFS)


def damaged(part, value):
    store = stored()
    store[part] = json.dumps(value)
    return store


def refused(store):
    with pytest.raises(CheckpointError) as caught:
        read(store)
    assert caught.value.executed == "no"
    assert "Look at them in Bitrix24" in caught.value.hint
    return caught.value
