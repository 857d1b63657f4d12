"""What goes into a request, and what the answers to several requests in flight mean."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitrix24.client.errors import (
    AuthenticationError,
    ConnectFailed,
    NotFoundError,
    OperatingLimitError,
    OutcomeUnknown,
    PermissionDeniedError,
    PortalUnavailableError,
    ProtocolError,
    RateLimitError,
)
from airflow_provider_bitrix24.client.firing.ledger import Job, Ledger, Target
from airflow_provider_bitrix24.client.firing.requests import RequestBuilder
from airflow_provider_bitrix24.client.firing.responses import MAX_REFUSED_IN_A_ROW, ResponseHandler
from airflow_provider_bitrix24.client.flows.calls import Attempt, Channel
from airflow_provider_bitrix24.client.portal import Portal
from airflow_provider_bitrix24.client.protocol.wire import Reply
from airflow_provider_bitrix24.client.stages import Snapshot
from airflow_provider_bitrix24.client.targets import EntityRef

NEW, NEXT = Snapshot("NEW", 0, "t"), Snapshot("PREPARATION", 0, "u")
SPENT = {"error": "OPERATION_TIME_LIMIT", "error_description": "Blocked."}


def api(kind, **more):
    return kind(code="X", description="", method="m", status=400, **more)


def waiting(*type_ids, seen=True):
    targets = [Target(EntityRef(type_id, number), NEW if seen else None) for number, type_id in enumerate(type_ids, 1)]
    return deque(targets)


@given(st.lists(st.sampled_from([1, 2, 7, 31, 177]), min_size=1, max_size=200), st.integers(1, 50), st.booleans())
def test_a_batch_never_holds_more_than_it_may_and_reads_back_all_its_entities(types, capacity, read_back):
    queue, sender = waiting(*types), RequestBuilder(Job(code="c"))
    sender.sizer.learn(20 / capacity)
    in_order = list(queue)
    sent = []
    while queue:
        shipment = sender.build(queue, None, read_back=read_back)
        commands = shipment.call.params["cmd"]
        assert len(commands) == len(shipment.methods)
        assert len(commands) <= max(sender.sizer.size, 2)
        looks = [each.params for each in shipment.reads]
        read = [(look["entityTypeId"], number) for look in looks for number in look["filter"]["@id"]]
        wanted = [(each.ref.type_id, each.ref.id) for each in shipment.targets] if read_back else []
        assert sorted(read) == sorted(wanted)
        assert all(target.fires == 1 for target in shipment.targets)
        sent += shipment.targets
    assert sent == in_order


def test_a_full_batch_is_49_fires_and_a_look_or_50_fires():
    sender = RequestBuilder(Job(code="c"))
    sender.sizer.learn(0.001)
    assert len(sender.build(waiting(*[2] * 60), None, read_back=True).targets) == 49
    assert len(sender.build(waiting(*[2] * 60), None, read_back=False).targets) == 50
    assert len(sender.build(waiting(*[2] * 60, seen=False), None, read_back=True).targets) == 50
    assert len(sender.build(waiting(*[2] * 60), 10, read_back=True).targets) == 9
    assert len(sender.build(waiting(*[2] * 60), 1, read_back=True).targets) == 1
    sender.batches = False
    direct = sender.build(waiting(2, 2), None, read_back=True)
    assert (direct.call.method, direct.call.params) == ("crm.automation.trigger", {"target": "DEAL_1", "code": "c"})
    assert direct.reads == []


class Round:
    """Some requests in flight, and the answers as they are booked."""

    def __init__(self, groups, *, batches=True, seen=True):
        channel = Channel(portal=Portal(base_url="https://x.example", user_id="1", secret="s"), random=lambda: 1.0)
        job = Job(code="c")
        self.ledger, self.sender = Ledger(job, deque()), RequestBuilder(job, batches=batches)
        self.sender.sizer.learn(20 / max(groups))
        self.receiver = ResponseHandler(channel, self.ledger, self.sender)
        self.targets = list(waiting(*[2] * sum(groups), seen=seen))
        queue = deque(self.targets)
        self.shipments = []
        for _ in groups:
            self.shipments.append(self.sender.build(queue, None, read_back=False))
        assert [len(each.targets) for each in self.shipments] == list(groups)

    def answer(self, *replies):
        self.receiver.blocking_error = None
        for shipment, reply in zip(self.shipments, replies, strict=True):
            self.receiver.note(shipment, Attempt(reply, 0.0, 1.0), 1.0)

    def outcomes(self):
        return [target.outcome for target in self.targets]


def fine(count, refused=()):
    return Reply(
        result={
            "result": {f"c{number}": True for number in range(count) if number not in refused},
            "result_error": {f"c{number}": SPENT for number in refused},
        }
    )


def test_batches_refused_in_flight_together_are_all_put_back_to_be_sent_one_by_one():
    round_ = Round([3, 3, 3])
    denied = api(PermissionDeniedError)
    round_.answer(denied, denied, denied)
    assert round_.sender.batches is False
    assert round_.outcomes() == [None] * 9
    assert sorted(target.ref.id for target in round_.ledger.queue) == list(range(1, 10))
    assert {target.fires for target in round_.targets} == {0}
    assert round_.receiver.blocking_error is None


def test_a_batch_that_got_through_beside_a_refused_one_is_read_as_a_batch():
    round_ = Round([3, 3])
    round_.answer(api(PermissionDeniedError), fine(3))
    assert list(round_.ledger.accepted) == [target.ref for target in round_.targets[3:]]
    assert sorted(target.ref.id for target in round_.ledger.queue) == [1, 2, 3]


def test_commands_refused_by_a_limit_go_again_and_the_others_count():
    round_ = Round([4])
    round_.answer(fine(4, refused=(1, 3)))
    assert [target.ref.id for target in round_.ledger.queue] == [2, 4]
    assert isinstance(round_.receiver.blocking_error, OperatingLimitError)
    assert round_.receiver.delay() == 10
    assert round_.receiver.delay() == 20


def test_rounds_in_which_everything_is_refused_come_to_an_end():
    round_ = Round([2])
    delays = []
    for _ in range(30):
        round_.answer(fine(2, refused=(0, 1)))
        delays.append(round_.receiver.delay())
        if delays[-1] is None:
            break
        round_.ledger.queue.clear()
        for target in round_.targets:
            target.fires += 1
    assert delays == [10, 20, 40, 80, 120, 120, 120, 120, 120, None]


def test_a_round_in_which_something_ran_starts_the_count_again():
    round_ = Round([2])
    for refused in ((0, 1), (0, 1), (1,), (0, 1)):
        round_.answer(fine(2, refused=refused))
        delay = round_.receiver.delay()
    assert delay == 20
    round_.answer(fine(2))
    assert round_.receiver.delay() == 0


@pytest.mark.parametrize(
    "error", [api(RateLimitError), ConnectFailed("x"), api(AuthenticationError), api(PortalUnavailableError)]
)
@pytest.mark.parametrize("batches", [True, False])
def test_what_concerns_all_targets_puts_them_back(error, batches):
    round_ = Round([1], batches=batches)
    round_.answer(error)
    assert list(round_.ledger.queue) == round_.targets
    assert round_.receiver.blocking_error is error


def test_an_error_that_cannot_be_repeated_outweighs_those_that_can():
    round_ = Round([1, 1, 1])
    wrong = api(AuthenticationError)
    round_.answer(api(RateLimitError), wrong, ConnectFailed("x"))
    assert round_.receiver.blocking_error is wrong
    assert round_.receiver.delay() is None


@pytest.mark.parametrize("error", [OutcomeUnknown("x"), ProtocolError("x", status=502)])
def test_a_lost_request_is_told_and_looked_at_later(error):
    round_ = Round([2])
    result = round_.receiver.note(round_.shipments[0], Attempt(error, 0.0, 1.0), 1.0)
    assert "2 targets (DEAL_1 to DEAL_2)" in result.message
    [doubt] = round_.ledger.in_doubt
    assert (doubt.targets, doubt.sent_at, doubt.over) == (round_.targets, 0.0, False)
    assert round_.receiver.delay() == 0


def test_direct_calls_refused_for_each_target_fail_one_by_one_until_it_is_hopeless():
    round_ = Round([1] * (MAX_REFUSED_IN_A_ROW + 1), batches=False)
    denied = api(PermissionDeniedError)
    round_.answer(*[denied] * (MAX_REFUSED_IN_A_ROW - 1), denied, denied)
    assert round_.outcomes() == ["failed"] * (MAX_REFUSED_IN_A_ROW - 1) + [None, None]
    assert round_.receiver.blocking_error is denied
    luckier = Round([1] * (MAX_REFUSED_IN_A_ROW + 1), batches=False)
    luckier.answer(Reply(result=True), *[api(NotFoundError)] * MAX_REFUSED_IN_A_ROW)
    assert luckier.outcomes() == [None] + ["failed"] * MAX_REFUSED_IN_A_ROW


def test_an_answer_that_is_no_batchs_is_a_doubt():
    round_ = Round([2])
    round_.answer(Reply(result=True))
    assert round_.ledger.in_doubt[0].targets == round_.targets


@pytest.mark.parametrize(("seconds", "size"), [(60.0, 8), (70.0, 7), (0.5, 25)])
def test_a_batch_that_ended_in_a_time_out_makes_the_next_ones_smaller(seconds, size):
    round_ = Round([25])
    round_.sender.sizer.costs.clear()
    round_.receiver.note(round_.shipments[0], Attempt(OutcomeUnknown("no answer in time"), 0.0, seconds), seconds)
    assert round_.sender.sizer.size == size
