"""One call as a list of effects and results: what is sent, repeated, waited for and given up."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectFailed,
    OperatingLimitError,
    OutcomeUnknown,
    ProtocolError,
    RateLimitError,
    ServerError,
)
from airflow_provider_bitrix24.client.flows import calls
from airflow_provider_bitrix24.client.flows.calls import Channel
from airflow_provider_bitrix24.client.limits.operating import Knowledge
from airflow_provider_bitrix24.client.portal import Portal
from airflow_provider_bitrix24.client.protocol.wire import Call

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


def test_a_call_takes_a_token_and_sends_once(perform, channel):
    reply = perform(
        calls.call(channel, Call("scope")),
        ("acquire 1", 0.0),
        ("send scope", [{"result": ["crm"], "total": 1}]),
    )
    assert (reply.result, reply.total) == (["crm"], 1)


def test_a_wait_for_a_token_is_logged_only_where_it_is_long(perform, channel):
    perform(
        calls.call(channel, Call("scope")),
        ("acquire 1", (1, 0.5, 0.0)),
        ("sleep 0.5 pace", 0.5),
        ("send scope", [{"result": 1}]),
    )
    perform(
        calls.call(channel, Call("scope")),
        ("acquire 1", (1, 5.0, 0.0)),
        ("log", None),
        ("sleep 5 pace", 5.0),
        ("send scope", [{"result": 1}]),
    )


def test_refusals_are_repeated_and_reported_to_the_bucket(perform, channel):
    perform(
        calls.call(channel, Call("scope")),
        ("acquire 1", 0.0),
        ("send scope", [FULL]),
        ("log", None),
        ("sleep 1 retry", 1.0),
        ("acquire 1 after 1 refused", 1.0),
        ("send scope", [FULL]),
        ("log", None),
        ("sleep 2 retry", 3.0),
        ("acquire 1 after 1 refused", 3.0),
        ("send scope", [{"result": 1}]),
    )


def test_a_call_that_is_refused_ten_times_fails(perform, channel):
    steps = []
    for attempt, delay in enumerate([1, 2, 4, 8, 16, 30, 30, 30, 30]):
        refused = " after 1 refused" if attempt else ""
        steps += [(f"acquire 1{refused}", 0.0), ("send m", [FULL]), ("log", None), (f"sleep {delay} retry", 0.0)]
    with pytest.raises(RateLimitError):
        perform(calls.call(channel, Call("m")), *steps, ("acquire 1 after 1 refused", 0.0), ("send m", [FULL]))


@pytest.mark.parametrize("lost", [CRASHED, PAGE, OutcomeUnknown("no answer"), (200, b""), (200, b'{"res')])
def test_a_call_that_may_have_run_is_never_sent_again(perform, channel, lost):
    with pytest.raises((ServerError, ProtocolError, OutcomeUnknown)) as caught:
        perform(calls.call(channel, Call("m")), ("acquire 1", 0.0), ("send m", [lost]))
    assert caught.value.executed == "unknown"


@pytest.mark.parametrize("lost", [CRASHED, PAGE, OutcomeUnknown("no answer"), ConnectFailed("refused")])
def test_a_harmless_call_is_repeated_until_it_succeeds(perform, channel, lost):
    reply = perform(
        calls.call(channel, Call("m", idempotent=True)),
        ("acquire 1", 0.0),
        ("send m", [lost]),
        ("log", None),
        ("sleep 1 retry", 1.0),
        ("acquire 1", 1.0),
        ("send m", [{"result": 7}]),
    )
    assert reply.result == 7


def test_a_permanent_error_is_raised_at_once_and_nothing_is_sent_for_a_wrong_argument(perform, channel):
    with pytest.raises(AuthenticationError):
        perform(calls.call(channel, Call("m", idempotent=True)), ("acquire 1", 0.0), ("send m", [WRONG]))
    with pytest.raises(ConfigurationError):
        perform(calls.call(channel, Call("m", {"x": object()})), ("acquire 1", 0.0))


def test_the_working_time_is_waited_for_before_and_after_a_refusal(perform, channel):
    perform(
        calls.call(channel, Call("m")),
        ("acquire 1", 0.0),
        ("send m", [({"result": 1, "time": timed(390, 300)}, (0.0, 5.0))]),
    )
    with pytest.raises(OperatingLimitError) as caught:
        perform(
            calls.call(channel, Call("m")),
            ("acquire 1", 10.0),
            ("send m", [(SPENT, (10.0, 11.0))]),
            ("log", None),
            ("sleep 295 operating", 306.0),
            *[
                step
                for blind in (20, 40, 80, 120, 120, 120, 120, 120)
                for step in (
                    ("acquire 1", 306.0),
                    ("send m", [(SPENT, (306.0, 306.0))]),
                    ("log", None),
                    (f"sleep {blind} operating", 306.0),
                )
            ],
            ("acquire 1", 306.0),
            ("send m", [(SPENT, (306.0, 306.0))]),
        )
    assert caught.value.reset_in == 0
    channel.operating.known = Knowledge(bills_batches=False)
    perform(
        calls.call(channel, Call("m")),
        ("acquire 1", 310.0),
        ("send m", [({"result": 1, "time": timed(481, 60)}, (310.0, 310.0))]),
    )
    perform(
        calls.call(channel, Call("m")),
        ("acquire 1", 320.0),
        ("log", None),
        ("sleep 112 operating", 432.0),  # as one call took 5 s, it waits for a second minute to be free, and at random
        ("acquire 1", 432.0),
        ("send m", [({"result": 1}, (432.0, 432.0))]),
    )


def test_a_page_that_holds_no_list_raises_and_a_list_is_read_to_its_end(perform, channel):
    with pytest.raises(ProtocolError):
        perform(calls.page(channel, "scope", {}, None), ("acquire 1", 0.0), ("send scope", [{"result": {"a": 1}}]))
    page = perform(
        calls.page(channel, "crm.status.list", {}, None),
        ("acquire 1", 0.0),
        ("send crm.status.list", [{"result": [1], "next": 50}]),
    )
    assert (page.items, page.following) == ([1], {"start": 50})


# -- the portal's clock


def answered(start, finish, moments):
    return ({"result": 1, "time": {"start": start, "finish": finish}}, moments)


@pytest.mark.parametrize(
    ("start", "finish", "moments", "ahead"),
    [
        (2e9, 2e9, (100.0, 100.0), (2e9 - 100, 2e9 - 100)),
        (2e9, 2e9 + 8, (100.0, 110.0), (2e9 - 102, 2e9 - 100)),  # it worked for 8 s
        (2e9 + 1, 2e9 + 1, (100.0, 130.0), (2e9 - 129, 2e9 - 99)),  # and the answer took 29 s
        (2e9 + 29, 2e9 + 29, (100.0, 130.0), (2e9 - 101, 2e9 - 71)),  # the request took 29 s
        (None, 2e9 + 8, (100.0, 110.0), (2e9 - 102, 2e9 - 92)),
        (2e9 + 9, 2e9 + 10, (100.0, 100.5), (2e9 - 90.5, 2e9 - 90.5)),  # its seconds are whole ones
    ],
)
def test_an_answer_shows_by_how_much_the_portals_clock_is_ahead_at_least_and_at_most(
    perform, channel, start, finish, moments, ahead
):
    sent = answered(start, finish, moments)
    perform(calls.call(channel, Call("scope")), ("acquire 1", 0.0), ("send scope", [sent]))
    assert channel.portal_clock.ahead == ahead
    assert channel.portal_clock.earliest(1.0) == ahead[0] + 1.0
    assert channel.portal_clock.latest(1.0) == ahead[1] + 1.0


@pytest.mark.parametrize(
    ("start", "finish"),
    [(None, None), (2e9, None), (5.0, 6.0), (2e12, 2e12), (2e9, 1e9), ("soon", "later"), (-2e9, 2e9)],
)
def test_a_portals_clock_that_makes_no_sense_stays_unknown(perform, channel, start, finish):
    sent = answered(start, finish, (100.0, 101.0))
    perform(calls.call(channel, Call("scope")), ("acquire 1", 0.0), ("send scope", [sent]))
    assert channel.portal_clock.earliest(1.0) is channel.portal_clock.latest(1.0) is None
