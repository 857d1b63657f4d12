"""Packs commands and reads the reply to each, in every shape that PHP gives to an array."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitrix24.client.errors import (
    BatchError,
    ConfigurationError,
    InvalidRequestError,
    NotFoundError,
    ProtocolError,
)
from airflow_provider_bitrix24.client.protocol.batch import (
    BatchReply,
    BatchSizer,
    CommandReply,
    batch_call,
    command,
    read_replies,
)
from airflow_provider_bitrix24.client.protocol.wire import NO_TIMING, Call, Reply, Timing
from airflow_provider_bitrix24.simulator.php import encode_array

NOT_SET = {"error": "", "error_description": "Target is not set."}


def body(result, error=(), total=(), following=(), time=()):
    return Reply(
        result={
            "result": result,
            "result_error": error or [],
            "result_total": total or [],
            "result_next": following or [],
            "result_time": time or [],
        }
    )


def values_and_errors(replies):
    return [reply.value if reply.error is None else type(reply.error).__name__ for reply in replies]


def test_commands_get_keys_that_php_never_turns_into_a_list():
    call = batch_call([command(Call("scope")), command(Call("crm.item.get", {"id": 5}))], idempotent=True)
    assert call == Call("batch", {"halt": 0, "cmd": {"c0": "scope", "c1": "crm.item.get?id=5"}}, idempotent=True)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (body({"c0": True, "c1": 2}), [True, 2]),
        (body({"c1": 2}, {"c0": NOT_SET}), ["InvalidRequestError", 2]),
        (body([], {"c0": NOT_SET, "c1": {"error": "NOT_FOUND"}}), ["InvalidRequestError", "NotFoundError"]),
        (body([True, 2]), [True, 2]),
        (body({"c0": None, "c1": False}), [None, False]),
        (body({"c0": True}), [True, "ProtocolError"]),
        (body([]), ["ProtocolError", "ProtocolError"]),
        (body({"c0": True, "c1": 2}, [NOT_SET]), ["InvalidRequestError", 2]),
        (body({"c0": True, "c1": 2}, "nonsense"), [True, 2]),
        (body([1, 2, 3]), ["ProtocolError", "ProtocolError"]),
        (body({"c0": 1}, {"c1": "a text"}), [1, "InvalidRequestError"]),
        (body({"c0": 1}, {"c1": None}), [1, "InvalidRequestError"]),
        (Reply(result={"result": {"c0": 1, "c1": 2}}), [1, 2]),
    ],
)
def test_each_command_has_a_reply_in_every_shape_of_the_answer(reply, expected):
    assert values_and_errors(read_replies(["a", "b"], reply)) == expected


def test_totals_pages_and_times_go_to_their_commands():
    reply = body(
        {"c0": [1], "c1": [2]},
        total={"c0": 70, "c1": "70"},
        following={"c0": 50, "c1": True},
        time={"c1": {"operating": 2, "operating_reset_at": 700, "finish": 100}},
    )
    assert read_replies(["a", "b"], reply) == [
        CommandReply([1], None, 70, 50, NO_TIMING),
        CommandReply([2], None, 70, None, Timing(2.0, 600.0, 100.0)),
    ]


def test_a_command_that_the_answer_does_not_mention_may_have_run():
    [reply] = read_replies(["crm.item.get"], body([]))
    assert isinstance(reply.error, ProtocolError)
    assert (reply.error.executed, reply.error.status, reply.mentioned) == ("unknown", 200, False)
    assert "crm.item.get" in str(reply.error)


@pytest.mark.parametrize("result", [True, None, [], "text", {"other": 1}])
def test_an_answer_without_results_of_a_batch_leaves_open_what_ran(result):
    error = read_replies(["a"], Reply(result=result))
    assert isinstance(error, ProtocolError)
    assert (error.executed, error.status) == ("unknown", 200)


@given(st.lists(st.none() | st.booleans() | st.integers(), min_size=1, max_size=50))
def test_any_mixture_of_success_and_failure_is_sorted_out(mixture):
    """``None`` stands for a failure; shapes are the simulator's, which imitates PHP."""
    results = {f"c{index}": value for index, value in enumerate(mixture) if value is not None}
    errors = {f"c{index}": NOT_SET for index, value in enumerate(mixture) if value is None}
    replies = read_replies(["m"] * len(mixture), body(encode_array(results), encode_array(errors)))
    expected = ["InvalidRequestError" if value is None else value for value in mixture]
    assert values_and_errors(replies) == expected


def test_a_batch_reply_raises_only_when_asked_and_only_for_failures():
    BatchReply({"a": 1}, {}).raise_for_errors()
    failure = NotFoundError(code="NOT_FOUND", description="", method="m", status=200)
    with pytest.raises(BatchError) as caught:
        BatchReply({"a": 1}, {"b": failure}).raise_for_errors()
    assert caught.value.results == {"a": 1}
    assert caught.value.errors == {"b": failure}


@pytest.mark.parametrize(
    ("batches", "size"),
    [
        ([], 25),
        ([(0.5, 25)], 50),
        ([(20, 50)], 50),
        ([(20.5, 50)], 48),
        ([(18.25, 25)], 27),
        ([(60, 25)], 8),
        ([(60, 25), (60, 8)], 2),
        ([(60, 25), (60, 8), (1, 2)], 2),
        ([(60, 25), (60, 8), (1, 2), (1, 2)], 40),
        ([(300, 1)], 1),
        ([(5, 1)], 4),
        ([(0, 0)], 50),
    ],
)
def test_the_size_follows_the_slower_of_the_last_two_batches(batches, size):
    sizer = BatchSizer()
    for seconds, commands in batches:
        sizer.note(seconds, commands)
    assert sizer.size == size


def test_a_cost_that_another_process_measured_counts_only_where_nothing_is_known():
    sizer = BatchSizer()
    sizer.learn(4.0)
    assert sizer.size == 5
    sizer.note(1.0, 50)
    sizer.learn(10.0)
    assert sizer.costs == [4.0, 0.02]


def test_a_parameter_that_cannot_be_packed_is_refused():
    with pytest.raises(ConfigurationError):
        command(Call("m", {"x": object()}))


def test_a_single_error_entry_keeps_its_text_and_is_a_refusal():
    [reply] = read_replies(["m"], body([], {"c0": "a text"}))
    assert isinstance(reply.error, InvalidRequestError)
    assert "a text" in str(reply.error)
    assert (reply.error.code, reply.error.executed, reply.error.status) == ("", "no", 200)


def test_a_text_that_looks_like_a_reference_is_packed_only_where_it_is_meant_as_one():
    call = Call("m", {"x": "$result[c0]"})
    with pytest.raises(ConfigurationError):
        command(call)
    assert command(call, refers=True) == "m?x=%24result%5Bc0%5D"


def test_a_batch_is_sent_again_only_where_that_is_said_to_be_harmless():
    assert batch_call(["scope"]) == Call("batch", {"halt": 0, "cmd": {"c0": "scope"}}, idempotent=False)
    assert batch_call(["scope"], halt=True).params["halt"] == 1
