"""Checkpoints as version 0.1.0 wrote them: read by a try of the same targets, and written anew in today's form."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitrix24.client.entity_ref import EntityRef
from airflow_provider_bitrix24.client.errors import CheckpointError
from airflow_provider_bitrix24.client.firing.kept import read_kept
from airflow_provider_bitrix24.client.firing.parts import RECORD
from airflow_provider_bitrix24.client.packing import pack
from airflow_provider_bitrix24.client.stages import UNKNOWN_MOMENT, Snapshot
from tests.support.firing import HOST, NEW, MemoryStore, Try, deals, left_to_fire, numbers, outcomes, standing

RECORDED = Path(__file__).parents[2] / "in_flight" / "recorded" / "checkpoint"
REFS = deals(1, 2, 3, 4, 5, 6, 7, 8)


def form_1(refs=REFS, *, states="mupxfav.", before="000-000-", after="100--0--", **fields):
    """A record as it was written then; the stages are NEW and PREPARATION of the first pipeline."""
    hashed = hashlib.sha256(f"{HOST}\n'c'\n".encode())
    for ref in refs:
        hashed.update(f"{ref}\n".encode())
    return {
        "form": 1,
        "digest": hashed.hexdigest(),
        "states": pack(states),
        "before": pack(before),
        "after": pack(after),
        "stages": [["NEW", 0], ["PREPARATION", 0]],
        "open": [],
        **fields,
    }


def stored(record):
    store = MemoryStore()
    store.save(RECORD, record, ahead=False)
    return store


def opened(*ids, before=NEW, sent_at=1e9):
    """An entry of ``open``, whose targets are numbered from 0."""
    snapshot = None if before is None else [before.stage, before.category_id, before.moved_time]
    return {"targets": [each - 1 for each in ids], "before": [snapshot] * len(ids), "sent_at": sent_at}


def test_each_target_is_treated_by_its_letter():
    taken_up = Try(*REFS, store=stored(form_1()))
    assert outcomes(taken_up.ledger) == ["moved", None, None, "failed", None, "already", "unverified", None]
    assert taken_up[1].result().as_dict() == {
        "target": "DEAL_1",
        "outcome": "moved",
        "stage_before": "NEW",
        "stage_after": "PREPARATION",
    }
    assert taken_up.ledger.accepted == deals(3)
    assert numbers(taken_up.ledger.unread_refs()) == [5, 8], "refused, and not sent"
    assert taken_up[4].error.executed == "unknown"
    [request] = taken_up.ledger.in_doubt
    assert numbers(request.targets) == [2]
    assert taken_up[2].before == Snapshot("NEW", 0, UNKNOWN_MOMENT)


def test_the_age_of_open_requests_is_unknown_since_another_hosts_clock_told_it():
    record = form_1(states="........", before="--------", after="--------", open=[opened(1, 2), opened(4)])
    taken_up = Try(*REFS, store=stored(record), now=7.0)
    assert [numbers(request.targets) for request in taken_up.ledger.in_doubt] == [[1, 2], [4]]
    assert taken_up[1].before == NEW
    taken_up.read_in_doubt(standing({1}, 8))
    assert (outcomes(taken_up.ledger)[:2], taken_up.ledger.queued) == (["moved", None], 0)
    assert taken_up.ledger.next_due == 67.0
    taken_up.now = 67.0
    taken_up.read_in_doubt(standing({1}, 8))
    assert sorted(left_to_fire(taken_up.ledger)) == [2, 4]


@pytest.mark.parametrize("letter", ["-", "0"])
def test_open_requests_that_nobody_could_read_stay_lost(letter):
    record = form_1(states="........", before=f"{letter}-------", after="--------", open=[opened(1, before=None)])
    taken_up = Try(*REFS, store=stored(record))
    assert (taken_up[1].outcome, taken_up[1].error.executed) == ("failed", "unknown")


def test_it_is_written_anew_at_once_and_a_next_try_reads_the_same():
    record = form_1(open=[opened(8)])
    store = stored(record)
    first = Try(*REFS, store=store)
    assert store.load(RECORD)["form"] == 2
    second = Try(*REFS[:-2], *deals(9), *REFS[-2:], store=store)
    assert {str(each.ref): each.outcome for each in second.ledger.targets if each.ref.id != 9} == {
        str(each.ref): each.outcome for each in first.ledger.targets
    }
    for a_try, unread in ((first, [5]), (second, [5, 9])):
        assert numbers(a_try.ledger.unread_refs()) == unread
        assert sorted(number for r in a_try.ledger.in_doubt for number in numbers(r.targets)) == [2, 8]
        assert a_try.ledger.accepted == deals(3)
    assert second[8].before == NEW
    assert second[2].before == Snapshot("NEW", 0, UNKNOWN_MOMENT)


def test_a_list_in_another_order_is_the_same():
    assert outcomes(Try(*reversed(REFS), store=stored(form_1())).ledger)[-1] == "moved"


@pytest.mark.parametrize(
    ("refs", "host", "code"),
    [
        (REFS[:-1], HOST, "c"),
        ([*REFS, *deals(9)], HOST, "c"),
        (REFS, "other.example", "c"),
        (REFS, HOST, "d"),
        (REFS, HOST, None),
    ],
)
def test_other_targets_another_portal_or_another_code_are_refused(refs, host, code):
    with pytest.raises(CheckpointError, match="for other targets, another code or another portal") as caught:
        read_kept(stored(form_1()).load, host=host, code=code, refs=refs)
    assert caught.value.permanent


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("states", pack("mupxfav.m")),
        ("states", pack("mupxfav")),
        ("states", pack("mupxfav!")),
        ("before", pack("000-000-0")),
        ("before", pack("0002000-")),
        ("before", pack("000!000-")),
        ("stages", [["NEW"]]),
        ("stages", None),
        ("open", [{"targets": [0]}]),
        ("open", [{"targets": [8], "before": [None]}]),
        ("open", [opened(1), opened(1)]),
        ("open", [{"targets": [0, 1], "before": [None]}]),
        ("open", [{"targets": [0], "before": [[1, 2, 3, 4]]}]),
        ("open", {}),
        ("digest", None),
    ],
)
def test_damage_is_refused(field, value):
    record = form_1(**{field: value})
    with pytest.raises(CheckpointError):
        read_kept(stored(record).load, host=HOST, code="c", refs=REFS)


@given(
    st.sampled_from(["states", "before", "after", "stages", "open"]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=9),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
        max_leaves=8,
    ),
)
def test_anything_else_in_a_field_is_refused_or_says_nothing(field, value):
    store = stored({**form_1(), field: value})
    try:
        kept = read_kept(store.load, host=HOST, code="c", refs=REFS)
    except CheckpointError:
        return
    assert (kept.states, kept.lists) == ("mupxfav.", [REFS])
    assert kept.open == []


def expanded(targets):
    for each in targets:
        several = re.fullmatch(r"(.+_)(\d+)\.\.(\d+)", each)
        if several is None:
            yield EntityRef.parse(each)
        else:
            for number in range(int(several[2]), int(several[3]) + 1):
                yield EntityRef.parse(f"{several[1]}{number}")


@pytest.mark.parametrize("name", ["finished", "mixed", "of_a_wait_that_is_lost", "open"])
def test_what_version_0_1_0_wrote_is_read_and_knows_the_same(name):
    recorded = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    refs = list(dict.fromkeys(expanded(recorded["targets"])))
    options = {"host": recorded["portal"]["host"], "code": recorded["arguments"]["code"]}
    store = stored(recorded["task_state_store"]["bitrix24_firing"])
    taken_up = Try(*refs, store=store, **options)
    expected = {ref: outcome for each, outcome, _, _ in recorded["expected"]["results"] for ref in expanded(each)}
    done = {each.ref: each.outcome for each in taken_up.ledger.targets if each.outcome is not None}
    assert done
    assert done == {ref: expected.get(ref, outcome) for ref, outcome in done.items()}
    again = Try(*refs, store=store, **options)
    assert outcomes(again.ledger) == outcomes(taken_up.ledger)
    assert list(again.ledger.unread_refs()) == list(taken_up.ledger.unread_refs())
    assert again.ledger.accepted == taken_up.ledger.accepted
