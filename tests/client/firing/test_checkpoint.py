"""The checkpoint's form: what one try writes down, the next one reads back, whatever came between."""

from __future__ import annotations

import json
from collections import deque

import pytest

from airflow_provider_bitrix24.client.errors import AuthenticationError, OutcomeUnknown
from airflow_provider_bitrix24.client.firing.checkpoint import Checkpoint
from airflow_provider_bitrix24.client.firing.ledger import Job, Ledger, Target
from airflow_provider_bitrix24.client.flows.effects import Start
from airflow_provider_bitrix24.client.report import TargetError
from airflow_provider_bitrix24.client.stages import Snapshot
from airflow_provider_bitrix24.client.targets import EntityRef

NEW, NEXT = Snapshot("NEW", 0, "t"), Snapshot("C5:PREPARATION", 5, "u")
LOST = OutcomeUnknown("lost")


class Try:
    """One try of the same job over deals 1..count; ``wall`` is the calendar, ``now`` a clock of this machine."""

    def __init__(self, count=3, *, code="c", host="x.example", now=0.0, wall=1000.0, order=None):
        self.targets = [Target(EntityRef(2, number)) for number in order or range(1, count + 1)]
        self.ledger = Ledger(Job(code=code), deque(self.targets))
        self.progress = Checkpoint(host, code, self.targets, Start(now, wall))

    def __getitem__(self, number):
        return next(target for target in self.targets if target.ref.id == number)

    def sent(self, *numbers):
        """Take targets out of the ledger as fired from NEW."""
        for number in numbers:
            self[number].before, self[number].fires = NEW, 1
        self.ledger.unread = deque(target for target in self.ledger.unread if not target.fires)
        return [self[number] for number in numbers]

    def save(self, in_flight=(), now=0.0):
        return json.loads(json.dumps(self.progress.record(self.ledger, in_flight, now)))

    def take_up(self, kept):
        return self.progress.restore(kept, self.ledger)

    def waiting(self):
        return [target.ref.id for target in self.ledger.unread]


def test_done_targets_stay_done_and_failed_or_unmoved_ones_are_redone():
    first = Try(7)
    moved, unmoved, refused, missing = first.sent(1, 2, 3, 4)
    first.ledger.note_accepted(moved)
    first.ledger.note_accepted(unmoved)
    first.ledger.note_after({moved.ref: NEXT, unmoved.ref: NEW})
    first.ledger.close()
    first.ledger.fail(refused, AuthenticationError(code="X", description="", method="m", status=401))
    missing.settle("failed", error=TargetError("NOT_FOUND", "", "no"))
    [blind] = first.sent(5)
    blind.before = None
    first.ledger.note_accepted(blind)
    second = Try(7)
    assert second.take_up(first.save()) == 2
    assert second.waiting() == [2, 3, 4, 6, 7]
    assert second[1].result().as_dict() == {
        "target": "DEAL_1",
        "outcome": "moved",
        "stage_before": "NEW",
        "stage_after": "C5:PREPARATION",
    }
    assert second[5].outcome == "unverified"
    assert second.ledger.in_doubt == []


def test_accepted_targets_are_read_again_and_not_fired():
    first = Try()
    for target in first.sent(1, 2):
        first.ledger.note_accepted(target)
    second = Try()
    assert second.take_up(first.save()) == 0
    assert [ref.id for ref in second.ledger.accepted] == [1, 2]
    assert second.waiting() == [3]
    second.ledger.note_after({EntityRef(2, 1): NEXT, EntityRef(2, 2): NEW})
    assert second[1].outcome == "moved"
    assert second.ledger.close() == [second[2]]
    third = Try()
    assert third.take_up(second.save()) == 1
    assert third.waiting() == [2, 3]


@pytest.mark.parametrize(("later", "due"), [(5.0, 45.0), (60.0, 0.0), (10_000.0, 0.0), (-30.0, 60.0)])
def test_requests_in_flight_are_looked_at_and_settle_a_minute_after_they_were_sent(later, due):
    """Written at 10 s by the first machine's clock; ``later`` seconds after that a second machine begins."""
    first = Try(4, now=0.0, wall=1000.0)
    kept = first.save([first.sent(1, 2), first.sent(3)], now=10.0)
    second = Try(4, now=77.0, wall=1010.0 + later)
    second.take_up(kept)
    assert second.waiting() == [4]
    assert second.ledger.fired
    assert [[target.ref.id for target in doubt.targets] for doubt in second.ledger.in_doubt] == [[1, 2], [3]]
    doubt = second.ledger.in_doubt[0]
    assert doubt.targets[0].before == NEW
    assert doubt.due == 77.0
    second.ledger.in_doubt.clear()
    second.ledger.resolve(doubt, dict.fromkeys((EntityRef(2, 1), EntityRef(2, 2)), NEW), 77.0, 60.0)
    if due > 15 or later < 60:
        assert second.ledger.in_doubt[0].due == pytest.approx(77.0 - max(0.0, later) + 60.0)
    else:
        assert len(second.ledger.queue) == 2


def test_lost_targets_are_looked_at_each_by_itself():
    """Two requests were lost; that the second was executed says nothing about the first."""
    first = Try(4)
    for numbers in ((1, 2), (3, 4)):
        first.ledger.note_in_doubt(first.sent(*numbers), LOST, 0.0, 1.0, over=False)
    first.ledger.give_up(LOST)
    second = Try(4, now=50.0, wall=1001.0)
    assert second.take_up(first.save()) == 0
    in_doubt, second.ledger.in_doubt = second.ledger.in_doubt, []
    found = {EntityRef(2, number): NEXT if number > 2 else NEW for number in range(1, 5)}
    for doubt in in_doubt:
        second.ledger.resolve(doubt, found, 50.0, 60.0)
    second.ledger.note_after(found)
    assert [target.outcome for target in second.targets] == [None, None, "moved", "moved"]
    assert sorted(target.ref.id for target in second.ledger.queue) == [1, 2]


def test_a_lost_target_that_nobody_can_read_stays_lost():
    first = Try(2)
    [target] = first.sent(1)
    target.before = None
    first.ledger.note_in_doubt([target], LOST, 0.0, 0.0, over=False)
    second = Try(2)
    second.take_up(first.save())
    assert second.waiting() == [2]
    assert second[1].error.executed == "unknown"
    third = Try(2)
    third.take_up(second.save())
    assert third[1].error.executed == "unknown"


def test_a_list_in_another_order_is_the_same_job_and_another_code_host_or_form_is_not():
    first = Try(3)
    first.ledger.note_accepted(first.sent(2)[0])
    first.ledger.note_after({EntityRef(2, 2): NEXT})
    kept = first.save()
    assert Try(order=[3, 2, 1]).take_up(kept) == 1
    for other in (Try(4), Try(2), Try(code="d"), Try(code=None), Try(host="y.example")):
        assert other.take_up(kept) is None
        assert len(other.ledger.unread) == len(other.targets)
    assert Try().take_up({**kept, "form": 0}) is None
    assert Try().take_up({}) is None


def test_more_stages_than_letters_are_not_told_apart_but_outcomes_are():
    first = Try(300)
    for number in range(1, 301):
        [target] = first.sent(number)
        target.before = Snapshot(f"DT{number}_1:NEW", number)
        first.ledger.note_accepted(target)
        first.ledger.note_after({target.ref: Snapshot("WON", 0)})
    second = Try(300)
    assert second.take_up(first.save()) == 300
    assert second[1].result().stage_before == "DT1_1:NEW"
    assert second[300].result().stage_before is None
    assert {target.outcome for target in second.targets} == {"moved"}


def test_a_record_is_written_step_by_step_and_says_the_latest():
    first = Try(3)
    for number in (1, 2, 3):
        first.save([first.sent(number)])
        first.ledger.note_accepted(first[number])
        first.ledger.note_after({first[number].ref: NEXT})
    second = Try(3)
    assert second.take_up(first.save()) == 3
    assert second.waiting() == []
