"""The ledger: who is to be fired, who is settled and as what."""

from __future__ import annotations

from collections import deque

import pytest

from airflow_provider_bitrix24.client.errors import (
    AuthenticationError,
    InvalidRequestError,
    OutcomeUnknown,
    PermissionDeniedError,
)
from airflow_provider_bitrix24.client.firing.ledger import Job, Ledger, Target
from airflow_provider_bitrix24.client.flows.readings import StageReadings
from airflow_provider_bitrix24.client.stages import Snapshot
from airflow_provider_bitrix24.client.targets import EntityRef

NEW = Snapshot("NEW", 0, "2026-01-01T00:00:00+03:00")
NEXT = Snapshot("PREPARATION", 0, "2026-01-01T00:01:00+03:00")
LOST = OutcomeUnknown("lost")


def api(kind, **more):
    return kind(code="X", description="", method="m", status=400, **more)


def fired(count, *, expected=None, type_id=2):
    """A ledger whose targets 1..count were just sent in one request at second 100."""
    targets = [Target(EntityRef(type_id, number), NEW, None, 1) for number in range(1, count + 1)]
    return Ledger(Job(code="c", expected=expected), deque()), targets


def outcomes(targets):
    return [target.outcome for target in targets]


def test_a_snapshot_sorts_targets_into_fire_already_missing_refused_and_unreadable():
    refs = [EntityRef(2, 1), EntityRef(2, 2), EntityRef(2, 3), EntityRef(31, 1), EntityRef(177, 1), EntityRef(3, 1)]
    targets = [Target(ref) for ref in refs]
    ledger = Ledger(Job(code="c", expected=frozenset({"PREPARATION"})), deque())
    reading = StageReadings(
        {refs[0]: NEW, refs[1]: NEXT},
        {31: api(PermissionDeniedError), 177: api(InvalidRequestError)},
    )
    ledger.note_before(targets, reading, looked=True)
    assert [target.ref for target in ledger.queue] == [refs[0], refs[3], refs[5]]
    assert outcomes(targets) == [None, "already", "failed", None, "failed", None]
    assert targets[1].result().as_dict() == {
        "target": "DEAL_2",
        "outcome": "already",
        "stage_before": "PREPARATION",
        "stage_after": "PREPARATION",
    }
    assert (targets[2].error.code, targets[2].error.executed) == ("NOT_FOUND", "no")
    assert targets[4].error.code == "X"


def test_without_looking_everybody_is_fired_and_stays_unverified():
    targets = [Target(EntityRef(2, 1)), Target(EntityRef(3, 1))]
    ledger = Ledger(Job(code="c", verify=False), deque())
    ledger.note_before(targets, StageReadings(), looked=False)
    assert list(ledger.queue) == targets
    for target in targets:
        ledger.note_accepted(target)
    assert outcomes(targets) == ["unverified"] * 2
    assert [target.reason for target in targets] == [
        "Verification is off.",
        "Bitrix24 acts on other entities for a contact or company, and orders cannot be read.",
    ]
    refused = Target(EntityRef(2, 2))
    Ledger(Job(code="c"), deque()).note_accepted(refused)
    assert refused.reason == "The webhook may not read entities."


@pytest.mark.parametrize(
    ("now", "expected", "outcome", "queued"),
    [
        (NEXT, None, "moved", 0),
        (Snapshot("NEW", 0, "later"), None, None, 0),
        (NEW, None, None, 1),
        (NEXT, frozenset({"PREPARATION"}), "moved", 0),
        (NEXT, frozenset({"WON"}), None, 0),
    ],
)
def test_one_that_was_to_be_fired_again_and_has_moved_since_is_not(now, expected, outcome, queued):
    ledger, [target] = fired(1, expected=expected)
    ledger.note_before([target], StageReadings({target.ref: now}), looked=True)
    assert target.outcome == outcome
    assert len(ledger.queue) == queued
    assert len(ledger.accepted) == (outcome is None and not queued)


def test_one_that_vanished_after_a_fire_is_unknown():
    ledger, [target] = fired(1)
    ledger.note_before([target], StageReadings(), looked=True)
    assert target.error.executed == "unknown"


def test_who_was_certainly_not_executed_is_next_in_line_and_its_fire_does_not_count():
    ledger, targets = fired(3)
    last = Target(EntityRef(2, 9))
    ledger.queue.append(last)
    ledger.put_back(targets)
    assert list(ledger.queue) == [*targets, last]
    assert [target.fires for target in targets] == [0, 0, 0]


def test_arrival_at_an_expected_stage_counts_and_nothing_else_does():
    ledger, targets = fired(3, expected=frozenset({"WON", "EXECUTING"}))
    for target in targets:
        ledger.note_accepted(target)
    ledger.note_after({targets[0].ref: Snapshot("EXECUTING", 0), targets[1].ref: NEXT})
    assert outcomes(targets) == ["moved", None, None]
    assert ledger.close() == [targets[1]]
    assert outcomes(targets) == ["moved", "unmoved", "unverified"]
    assert targets[2].reason == "It could not be read back."
    assert targets[1].result().stage_after == "PREPARATION"


def test_giving_up_settles_everybody_with_what_is_known():
    ledger, targets = fired(4)
    targets[1].fires = 0
    ledger.queue.extend(targets[:2])
    ledger.unread.append(Target(EntityRef(2, 9)))
    waiting = ledger.unread[0]
    ledger.note_in_doubt(targets[2:], LOST, 100.0, 101.0, over=False)
    ledger.give_up(api(AuthenticationError))
    everybody = [*targets, waiting]
    assert outcomes(everybody) == ["failed"] * 5
    assert [target.error.executed for target in everybody] == ["unknown", "no", "unknown", "unknown", "no"]
    assert [target.error.code for target in everybody] == ["X", "X", "OutcomeUnknown", "OutcomeUnknown", "X"]
    assert [*ledger.queue, *ledger.unread, *ledger.in_doubt] == []


@pytest.mark.parametrize(
    ("code", "batchable"),
    [
        ("c5u4m", True),
        (None, True),
        ("$", True),
        ("$result", False),
        ("$result[c0]", False),
        ("$RESULT[c0]", False),
        ("x$Next[a]", False),
        ("$error[0]", False),
        ("$time", False),
        ("$total[c0]", False),
    ],
)
def test_a_code_that_a_batch_would_replace_is_not_put_into_one(code, batchable):
    assert Job(code=code).batchable is batchable


def test_the_documented_call_has_a_target_and_a_code_if_there_is_one():
    assert Job(code="c").call(EntityRef(2, 57)).params == {"target": "DEAL_57", "code": "c"}
    assert Job(code=None).call(EntityRef(2, 57)).params == {"target": "DEAL_57"}
