"""What the answers to several requests in flight mean for their targets, and whether it makes sense to go on."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.errors import (
    AuthenticationError,
    ConnectFailed,
    InvalidRequestError,
    NotFoundError,
    OperatingLimitError,
    OutcomeUnknown,
    PermissionDeniedError,
    PortalUnavailableError,
    ProtocolError,
    RateLimitError,
    ServerError,
)
from airflow_provider_bitrix24.client.firing.requests import RequestBuilder
from airflow_provider_bitrix24.client.firing.responses import MAX_REFUSED_IN_A_ROW, ResponseHandler
from airflow_provider_bitrix24.client.flows.calls import Attempt, Channel
from airflow_provider_bitrix24.client.flows.portal_clock import PortalClock
from airflow_provider_bitrix24.client.portal import Portal
from airflow_provider_bitrix24.client.protocol.wire import Reply
from tests.support.firing import NEW, api_error, deal, deals, left_to_fire, numbers, outcomes, queued, read_in_doubt

SPENT = {"error": "OPERATION_TIME_LIMIT", "error_description": "Blocked."}
FAILED = {"error": "ERROR_CORE", "error_description": "Failed."}
DENIED = {"error": "ACCESS_DENIED", "error_description": "No."}


class Round:
    """Requests of so many deals each in flight together, and their answers as they are recorded."""

    def __init__(self, *groups, batches=True, before=NEW, read_back=False):
        self.channel = Channel(
            portal=Portal(base_url="https://x.example", user_id="1", secret="s"),
            random=lambda: 1.0,
            portal_clock=PortalClock((2e9 - 1.0, 2e9)),
        )
        self.ledger = queued(*deals(*range(1, sum(groups) + 1)), before=before)
        self.builder = RequestBuilder(self.ledger.job, batches=batches)
        self.builder.sizer.learn(20 / (max(groups) + read_back))
        self.handler = ResponseHandler(self.channel, self.ledger, self.builder)
        self.requests = [self.builder.build(self.ledger, None, read_back=read_back) for _ in groups]
        assert [len(each.targets) for each in self.requests] == list(groups)

    def answer(self, *replies, seconds=1.0):
        """Record the answers of a round; returns the lines for the log."""
        self.handler.blocking_error = None
        lines = [
            self.handler.record(request, Attempt(reply, 0.0, seconds), seconds)
            for request, reply in zip(self.requests, replies, strict=True)
        ]
        return [line.message for line in lines if line is not None]

    def send_again(self):
        """Take what is queued for the next round."""
        self.requests = [self.builder.build(self.ledger, None, read_back=False)]


def answered(count, refused=(), error=SPENT, read=None):
    """A batch's answer: true for every target but the refused ones, and perhaps where they stand."""
    results = {f"c{number}": True for number in range(count) if number not in refused}
    if read is not None:
        results[f"c{count}"] = {"items": read}
    return Reply(result={"result": results, "result_error": {f"c{number}": error for number in refused}})


def moved_row(number):
    return {"id": number, "stageId": "WON", "categoryId": 0, "movedTime": "later"}


def test_an_accepted_batch_settles_what_its_own_reading_shows_to_have_moved():
    one = Round(2, read_back=True)
    one.answer(answered(2, read=[moved_row(1)]))
    assert outcomes(one.ledger) == ["moved", None]
    assert one.ledger.accepted == deals(2)


def test_batches_refused_in_flight_together_are_all_put_back_to_be_sent_one_by_one():
    three = Round(3, 3, 3)
    denied = api_error(PermissionDeniedError)
    said = three.answer(denied, denied, denied)
    assert three.builder.batches is False
    assert outcomes(three.ledger) == [None] * 9
    assert {target.fires for target in three.ledger.targets} == {0}
    assert sorted(left_to_fire(three.ledger)) == list(range(1, 10))
    assert three.handler.blocking_error is None
    assert [line.endswith("Continuing with one call per target, without batches.") for line in said] == [True]


def test_a_batch_that_got_through_beside_a_refused_one_is_read_as_a_batch():
    two = Round(3, 3)
    two.answer(api_error(PermissionDeniedError), answered(3))
    assert two.ledger.accepted == deals(4, 5, 6)
    assert sorted(left_to_fire(two.ledger)) == [1, 2, 3]


def test_commands_refused_by_a_limit_are_fired_again_and_the_others_count():
    one = Round(4)
    one.answer(answered(4, refused=(1, 3)))
    assert one.ledger.accepted == deals(1, 3)
    assert isinstance(one.handler.blocking_error, OperatingLimitError)
    assert one.handler.delay() == 10
    assert one.handler.delay() == 20
    assert left_to_fire(one.ledger) == [2, 4]


def test_what_failed_and_has_moved_by_the_reading_of_the_same_answer_has_run():
    one = Round(3, read_back=True)
    one.answer(answered(3, refused=(0, 1), error=FAILED, read=[moved_row(1), moved_row(3)]))
    assert outcomes(one.ledger) == ["moved", None, "moved"]
    [request] = one.ledger.in_doubt
    assert numbers(request.targets) == [2]


def test_a_command_refused_for_its_target_fails_it_alone():
    one = Round(3)
    one.answer(answered(3, refused=(1,), error=DENIED))
    assert outcomes(one.ledger) == [None, "failed", None]
    assert one.ledger.targets[1].error.executed == "no"
    assert one.handler.delay() == 0


def test_a_command_that_failed_in_a_complete_answer_is_over_and_read_at_once():
    one = Round(3)
    one.answer(answered(3, refused=(1,), error=FAILED))
    [request] = one.ledger.in_doubt
    assert (numbers(request.targets), request.over, request.due) == ([2], True, 1.0)
    read_in_doubt(one.ledger, {deal(2): NEW}, 1.0)
    assert left_to_fire(one.ledger) == [2]


def test_rounds_in_which_everything_is_refused_come_to_an_end():
    one = Round(2)
    delays = []
    while len(delays) < 30 and None not in delays:
        one.answer(answered(2, refused=(0, 1)))
        delays.append(one.handler.delay())
        one.send_again()
    assert delays == [10, 20, 40, 80, 120, 120, 120, 120, 120, None]


def test_a_round_in_which_something_ran_starts_the_count_again():
    one = Round(2)
    for refused in ((0, 1), (0, 1)):
        one.answer(answered(2, refused=refused))
        delay = one.handler.delay()
        one.send_again()
    assert delay == 20
    one.answer(answered(2, refused=(1,)))
    assert one.handler.delay() == 10
    one.send_again()
    one.answer(answered(1))
    assert one.handler.delay() == 0


@pytest.mark.parametrize(
    "error",
    [
        api_error(RateLimitError),
        ConnectFailed("x"),
        api_error(AuthenticationError),
        api_error(PortalUnavailableError),
        api_error(ServerError, executed="no"),
    ],
)
@pytest.mark.parametrize("batches", [True, False])
def test_what_concerns_all_targets_puts_them_back(error, batches):
    one = Round(1, batches=batches)
    one.answer(error)
    assert one.handler.blocking_error is error
    assert (outcomes(one.ledger), one.ledger.fired) == ([None], False)
    assert left_to_fire(one.ledger) == [1]


def test_an_error_that_cannot_be_repeated_outweighs_those_that_can():
    three = Round(1, 1, 1)
    wrong = api_error(AuthenticationError)
    three.answer(api_error(RateLimitError), wrong, ConnectFailed("x"))
    assert three.handler.blocking_error is wrong
    assert three.handler.delay() is None


@pytest.mark.parametrize("error", [OutcomeUnknown("x"), ProtocolError("x", status=502)])
def test_a_lost_request_is_logged_and_read_later(error):
    one = Round(2)
    [line] = one.answer(error)
    assert "2 targets (DEAL_1 to DEAL_2)" in line
    [request] = one.ledger.in_doubt
    assert (numbers(request.targets), request.sent_at, request.over) == ([1, 2], 0.0, False)
    assert request.sent_by_portal == 2e9, "at the latest, for a next try"
    assert one.handler.delay() == 0
    assert one.ledger.fired


def test_where_the_portals_clock_is_unknown_a_lost_request_has_no_moment_for_a_next_try():
    one = Round(1)
    one.channel.portal_clock = PortalClock()
    [line] = one.answer(OutcomeUnknown("x"))
    assert "on DEAL_1." in line
    assert [request.sent_by_portal for request in one.ledger.in_doubt] == [None]


def test_a_batch_that_failed_in_a_complete_answer_is_over():
    one = Round(2)
    one.answer(api_error(ServerError))
    assert [request.over for request in one.ledger.in_doubt] == [True]


def test_direct_calls_refused_for_each_target_fail_one_by_one_until_it_is_hopeless():
    assert MAX_REFUSED_IN_A_ROW == 10
    many = Round(*[1] * (MAX_REFUSED_IN_A_ROW + 1), batches=False)
    denied = api_error(PermissionDeniedError)
    many.answer(*[denied] * (MAX_REFUSED_IN_A_ROW + 1))
    assert outcomes(many.ledger) == ["failed"] * (MAX_REFUSED_IN_A_ROW - 1) + [None, None]
    assert many.handler.blocking_error is denied


def test_direct_calls_go_on_failing_one_by_one_after_one_was_accepted():
    many = Round(*[1] * (MAX_REFUSED_IN_A_ROW + 1), batches=False)
    many.answer(Reply(result=True), *[api_error(NotFoundError)] * MAX_REFUSED_IN_A_ROW)
    assert outcomes(many.ledger) == [None] + ["failed"] * MAX_REFUSED_IN_A_ROW


def test_a_direct_call_refused_for_its_target_says_so():
    one = Round(1, batches=False)
    one.answer(api_error(InvalidRequestError))
    assert outcomes(one.ledger) == ["failed"]
    assert one.handler.delay() == 0


def test_an_answer_that_is_not_a_batchs_leaves_the_batch_in_doubt():
    one = Round(2)
    one.answer(Reply(result=True))
    [request] = one.ledger.in_doubt
    assert numbers(request.targets) == [1, 2]


def test_a_connection_that_fails_once_does_not_end_a_firing_that_a_limit_has_refused_for_long():
    one = Round(2)
    for error, rounds in ((api_error(RateLimitError), 9), (ConnectFailed("x"), 4)):
        for _ in range(rounds):
            one.answer(error)
            assert one.handler.delay() is not None
            one.send_again()
    one.answer(ConnectFailed("x"))
    assert one.handler.delay() is None, "the fifth time in a row"


@pytest.mark.parametrize(("seconds", "size"), [(60.0, 8), (70.0, 7), (0.5, 25)])
def test_a_batch_that_ended_in_a_time_out_makes_the_next_ones_smaller(seconds, size):
    one = Round(25)
    one.builder.sizer.costs.clear()
    one.answer(OutcomeUnknown("no answer in time"), seconds=seconds)
    assert one.builder.sizer.size == size
