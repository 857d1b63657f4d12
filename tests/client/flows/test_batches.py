"""Commands in batches: what is sent, sent again, and becomes the error of one command or of all."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.errors import (
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    NotFoundError,
    OperatingLimitError,
    ProtocolError,
)
from airflow_provider_bitrix24.client.flows import batches
from airflow_provider_bitrix24.client.flows.calls import Channel
from airflow_provider_bitrix24.client.portal import Portal

FULL = (503, {"error": "QUERY_LIMIT_EXCEEDED", "error_description": "Too many requests"})
SPENT = (429, {"error": "OPERATION_TIME_LIMIT", "error_description": "Blocked."})
CRASHED = (500, {"error": "INTERNAL_SERVER_ERROR", "error_description": ""})
PAGE = (502, b"<html>")
WRONG = (401, {"error": "INVALID_CREDENTIALS", "error_description": ""})


def timed(operating: float, reset_in: float) -> dict[str, float]:
    return {"operating": operating, "operating_reset_at": 1000.0 + reset_in, "finish": 1000.0}


@pytest.fixture
def channel():
    portal = Portal(base_url="https://example.bitrix24.com", user_id="1", secret="s")
    return Channel(portal=portal, random=lambda: 1.0)


def batch_of(results, errors=None, times=None):
    return {"result": {"result": results, "result_error": errors or [], "result_time": times or []}}


def test_a_batch_sends_again_only_what_a_limit_refused(perform, channel):
    reply = perform(
        batches.batch(channel, {"x": ("m", None), "y": ("m", {"id": 1}), "z": ("n", {})}),
        ("acquire 1", 0.0),
        (
            "send batch of 3",
            [batch_of({"c0": "one"}, {"c1": SPENT[1], "c2": {"error": "NOT_FOUND"}}, {"c0": timed(480, 30)})],
        ),
        ("log", None),
        ("sleep 31 operating", 31.0),
        ("acquire 1", 31.0),
        ("send batch of 1", [batch_of({"c0": "two"})]),
    )
    assert reply.results == {"x": "one", "y": "two"}
    assert list(reply.errors) == ["z"]
    assert isinstance(reply.errors["z"], NotFoundError)


def test_a_batch_keeps_the_callers_keys_in_the_callers_order_over_many_requests(perform, channel):
    commands = {f"key {number}": ("m", {"id": number}) for number in range(120)}
    fifty = batch_of({f"c{number}": number for number in range(50)})
    reply = perform(
        batches.batch(channel, commands),
        ("acquire 1", 0.0),
        ("send batch of 50", [fifty]),
        ("acquire 1", 0.0),
        ("send batch of 50", [fifty]),
        ("acquire 1", 0.0),
        ("send batch of 20", [batch_of({f"c{number}": number for number in range(20)})]),
    )
    assert list(reply.results) == list(commands)
    assert reply.errors == {}


def test_a_first_request_that_fails_raises_and_a_later_failure_becomes_its_commands_error(perform, channel):
    commands = {str(number): ("m", None) for number in range(130)}
    with pytest.raises(ProtocolError):
        perform(batches.batch(channel, commands), ("acquire 1", 0.0), ("send batch of 50", [PAGE]))
    fifty = batch_of({f"c{number}": number for number in range(50)})
    reply = perform(
        batches.batch(channel, commands),
        ("acquire 1", 0.0),
        ("send batch of 50", [fifty]),
        ("acquire 1", 0.0),
        ("send batch of 50", [PAGE]),
        ("acquire 1", 0.0),
        ("send batch of 30", [batch_of({f"c{number}": number for number in range(30)})]),
    )
    assert len(reply.results) == 80
    assert {error.executed for error in reply.errors.values()} == {"unknown"}
    stopped = perform(
        batches.batch(channel, commands),
        ("acquire 1", 0.0),
        ("send batch of 50", [fifty]),
        ("acquire 1", 0.0),
        ("send batch of 50", [WRONG]),
    )
    assert len(stopped.errors) == 80
    assert {error.executed for error in stopped.errors.values()} == {"no"}


def test_a_wrong_argument_of_a_batch_is_refused_before_anything_is_sent(perform, channel):
    commands = {str(number): ("m", {"x": object() if number == 60 else 1}) for number in range(100)}
    with pytest.raises(ConfigurationError):
        perform(batches.batch(channel, commands))


def test_an_answer_without_results_of_a_batch_raises(perform, channel):
    with pytest.raises(ProtocolError):
        perform(batches.batch(channel, {"a": ("m", None)}), ("acquire 1", 0.0), ("send batch of 1", [{"result": True}]))


def test_commands_that_are_refused_again_and_again_fail_while_others_succeed(perform, channel):
    commands = {str(number): ("m", None) for number in range(51)}
    first = batch_of({f"c{number}": 1 for number in range(1, 50)}, {"c0": SPENT[1]})
    steps = [("acquire 1", 0.0), ("send batch of 50", [first]), ("log", None), ("sleep 10 operating", 0.0)]
    for wait in (20, 40, 80, 120, 120, 120, 120, 120):
        refused = batch_of([], {"c0": SPENT[1], "c1": SPENT[1]})
        steps += [("acquire 1", 0.0), ("send batch of 2", [refused]), ("log", None), (f"sleep {wait} operating", 0.0)]
    last = batch_of([], {"c0": SPENT[1], "c1": SPENT[1]})
    reply = perform(batches.batch(channel, commands), *steps, ("acquire 1", 0.0), ("send batch of 2", [last]))
    assert len(reply.results) == 49
    assert {key: type(error) for key, error in reply.errors.items()} == {
        "0": OperatingLimitError,
        "50": OperatingLimitError,
    }


def test_an_empty_batch_sends_nothing(perform, channel):
    assert perform(batches.batch(channel, {})).results == {}


def test_one_failed_command_is_an_error_value(perform, channel):
    refused = batch_of([], {"c0": {"error": "", "error_description": "Target is not set."}})
    reply = perform(batches.batch(channel, {"a": ("m", None)}), ("acquire 1", 0.0), ("send batch of 1", [refused]))
    assert isinstance(reply.errors["a"], InvalidRequestError)


PAIR = {
    "deal": ("crm.item.get", {"entityTypeId": 2, "id": 57}),
    "upd": ("crm.item.update", {"entityTypeId": 2, "id": 58, "fields": {"title": "$result[deal][item][title]"}}),
}
GOT = {"item": {"title": "Pipes"}}


def test_commands_that_refer_to_one_another_stay_in_one_request(perform, channel):
    fillers = {f"f{number}": ("m", None) for number in range(49)}
    reply = perform(
        batches.batch(channel, {**fillers, **PAIR}),
        ("acquire 1", 0.0),
        ("send batch of 49", [batch_of({f"c{number}": 1 for number in range(49)})]),
        ("acquire 1", 0.0),
        ("send batch of 2", [batch_of({"c0": GOT, "c1": True})]),
    )
    assert len(reply.results) == 51


def test_a_reference_across_two_requests_is_refused_before_anything_is_sent(perform, channel):
    fillers = {f"f{number}": ("m", None) for number in range(49)}
    with pytest.raises(ConfigurationError, match="'upd' cannot refer to 'deal' in another request"):
        perform(batches.batch(channel, {"deal": PAIR["deal"], **fillers, "upd": PAIR["upd"]}))
    perform(
        batches.batch(channel, {"deal": PAIR["deal"], **dict(list(fillers.items())[1:]), "upd": PAIR["upd"]}),
        ("acquire 1", 0.0),
        ("send batch of 50", [batch_of({f"c{number}": 1 for number in range(50)})]),
    )


@pytest.mark.parametrize(
    "commands", [{"upd": PAIR["upd"], "deal": PAIR["deal"]}, {"deal": ("m", {"x": "$next[deal]"})}]
)
def test_a_reference_to_a_later_command_or_to_itself_is_refused(perform, channel, commands):
    with pytest.raises(ConfigurationError, match="which does not come before it"):
        perform(batches.batch(channel, commands))


def test_a_reference_into_or_out_of_a_request_of_its_own_is_refused(perform, channel):
    cleared = ("crm.item.update", {"id": 58, "fields": {"title": None, "comments": "$result[deal][item][title]"}})
    with pytest.raises(ConfigurationError, match=r"'upd' cannot refer to 'deal' .* None inside a list or dict"):
        perform(batches.batch(channel, {"deal": PAIR["deal"], "upd": cleared}))


def test_a_command_whose_reference_leads_to_a_failure_is_not_run(perform, channel):
    """Without ``halt`` the portal would write "Array" for it."""
    reply = perform(
        batches.batch(channel, {**PAIR, "other": ("m", None)}),
        ("acquire 1", 0.0),
        ("send batch of 3", [batch_of([], {"c0": {"error": "NOT_FOUND", "error_description": "Element not found"}})]),
        ("acquire 1", 0.0),
        ("send batch of 1", [batch_of({"c0": "done"})]),
    )
    assert reply.results == {"other": "done"}
    assert isinstance(reply.errors["deal"], NotFoundError)
    assert "it refers to 'deal', which failed" in str(reply.errors["upd"])
    assert reply.errors["upd"].executed == "no"


def test_a_command_that_a_limit_refused_gets_the_value_that_an_earlier_request_has_read(perform, channel):
    reply = perform(
        batches.batch(channel, PAIR),
        ("acquire 1", 0.0),
        ("send batch of 2", [batch_of({"c0": GOT}, {"c1": SPENT[1]})]),
        ("log", None),
        ("sleep 10 operating", 10.0),
        ("acquire 1", 10.0),
        ("send batch of 1", [batch_of({"c0": True})]),
    )
    assert reply.results == {"deal": GOT, "upd": True}


def test_a_value_read_earlier_that_a_batch_cannot_carry_goes_by_itself(perform, channel):
    odd = {"item": {"title": "see $result[c0]"}}
    reply = perform(
        batches.batch(channel, PAIR),
        ("acquire 1", 0.0),
        ("send batch of 2", [batch_of({"c0": odd}, {"c1": SPENT[1]})]),
        ("log", None),
        ("sleep 10 operating", 10.0),
        ("acquire 1", 10.0),
        ("send crm.item.update", [{"result": True}]),
    )
    assert reply.results == {"deal": odd, "upd": True}


def test_a_command_that_was_refused_after_its_reference_led_nowhere_is_not_sent_again(perform, channel):
    reply = perform(
        batches.batch(channel, PAIR),
        ("acquire 1", 0.0),
        ("send batch of 2", [batch_of({"c0": {"item": {"title": None}}}, {"c1": SPENT[1]})]),
        ("log", None),
        ("sleep 10 operating", 10.0),
    )
    assert "does not hold what it refers to" in str(reply.errors["upd"])


def test_what_a_batch_cannot_carry_goes_in_a_request_of_its_own_in_its_turn(perform, channel):
    commands = {
        "a": ("m", {"id": 1}),
        "b": ("m", {"fields": {"title": None}}),
        "c": ("m", {"x": "see $result[c0][title]"}),
        "d": ("m", {"id": 4}),
    }
    reply = perform(
        batches.batch(channel, commands),
        ("log", None),
        ("acquire 1", 0.0),
        ("send batch of 1", [batch_of({"c0": 1})]),
        ("acquire 1", 0.0),
        ("send m", [{"result": 2}]),
        ("acquire 1", 0.0),
        ("send m", [(400, {"error": "NOT_FOUND", "error_description": "Element not found"})]),
        ("acquire 1", 0.0),
        ("send batch of 1", [batch_of({"c0": 4})]),
    )
    assert reply.results == {"a": 1, "b": 2, "d": 4}
    assert isinstance(reply.errors["c"], NotFoundError)


def test_a_credential_that_is_wrong_fails_a_batch_of_commands_that_go_alone_as_any_other(perform, channel):
    with pytest.raises(AuthenticationError):
        perform(
            batches.batch(channel, {"b": ("m", {"fields": {"title": None}})}),
            ("log", None),
            ("acquire 1", 0.0),
            ("send m", [WRONG]),
        )
