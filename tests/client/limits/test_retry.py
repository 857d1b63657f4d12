"""Which call is repeated, how often and when."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.errors import (
    ApiError,
    AuthenticationError,
    ConfigurationError,
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
from airflow_provider_bitrix24.client.limits.retry import Backoff, RetryPolicy, Tries

POLICY = RetryPolicy()


def api(kind: type[ApiError], **more) -> ApiError:
    return kind(code="X", description="", method="m", status=400, **more)


def delay(error, attempt=1, *, idempotent=False, chance=1.0):
    return POLICY.delay(error, attempt, idempotent=idempotent, random=lambda: chance)


@pytest.mark.parametrize(
    "error",
    [
        ConfigurationError("x"),
        ConnectFailed("x", permanent=True),
        api(AuthenticationError),
        api(PermissionDeniedError),
        api(NotFoundError),
        api(InvalidRequestError),
        api(PortalUnavailableError),
        ProtocolError("x", status=302, executed="no"),
    ],
)
def test_a_permanent_error_is_never_repeated(error):
    assert delay(error) is None
    assert delay(error, idempotent=True) is None


@pytest.mark.parametrize("error", [OutcomeUnknown("x"), api(ServerError), ProtocolError("x", status=502)])
def test_what_may_have_run_is_repeated_only_where_that_is_harmless(error):
    assert delay(error) is None
    assert [delay(error, attempt, idempotent=True) for attempt in range(1, 6)] == [1, 2, 4, 8, None]


def test_what_was_fired_is_read_with_more_patience():
    delays = [
        POLICY.patient().delay(OutcomeUnknown("x"), attempt, idempotent=True, random=lambda: 1.0)
        for attempt in range(1, 11)
    ]
    assert delays == [1, 2, 4, 8, 16, 30, 30, 30, 30, None]
    assert RetryPolicy(attempts=20).patient().attempts == 20


@pytest.mark.parametrize("error", [ConnectFailed("x"), api(ServerError, executed="no")])
def test_what_certainly_did_not_run_is_repeated_four_times(error):
    assert [delay(error, attempt) for attempt in range(1, 6)] == [1, 2, 4, 8, None]


def test_what_ran_already_is_not_repeated():
    assert delay(api(ServerError, executed="yes")) is None


def test_a_refusal_by_the_request_limit_is_repeated_longer_with_growing_jittered_delays():
    error = api(RateLimitError)
    full = [delay(error, attempt) for attempt in range(1, 11)]
    assert full == [1, 2, 4, 8, 16, 30, 30, 30, 30, None]
    assert [delay(error, attempt, chance=0.0) for attempt in range(1, 4)] == [0.5, 1, 2]


def test_the_operating_limit_waits_for_the_reset_where_that_is_known():
    error = api(OperatingLimitError)
    error.reset_in = 123.0
    assert [delay(error, attempt) for attempt in (1, 5)] == [124, 124]


def test_the_operating_limit_never_waits_less_than_ten_seconds():
    error = api(OperatingLimitError)
    assert delay(error) >= 10
    error.reset_in = 0.0
    assert delay(error) >= 10


def test_waits_for_an_unknown_reset_outlast_ten_minutes_and_come_to_an_end():
    for reset_in in (None, 0.0):
        error = api(OperatingLimitError)
        error.reset_in = reset_in
        delays = [delay(error, attempt) for attempt in range(1, 100)]
        given = [each for each in delays if each is not None]
        assert 600 <= sum(given) <= 1200
        assert max(given) <= 120
        assert delays[len(given) :] == [None] * (99 - len(given))


def test_a_backoff_counts_the_tries_of_one_request():
    backoff = Backoff(policy=POLICY, idempotent=True, random=lambda: 1.0)
    assert [backoff.after(OutcomeUnknown("x")) for _ in range(5)] == [1, 2, 4, 8, None]
    assert Backoff(policy=POLICY, idempotent=False, random=lambda: 1.0).after(OutcomeUnknown("x")) is None


def test_parts_of_a_request_that_fail_together_are_one_try():
    backoff = Backoff(policy=POLICY, idempotent=True, random=lambda: 1.0)
    errors = {"lost": OutcomeUnknown("x"), "wrong": api(InvalidRequestError), "full": api(RateLimitError)}
    assert backoff.after_each(errors) == {"lost": 1, "full": 1}
    assert backoff.after_each({"lost": OutcomeUnknown("x")}) == {"lost": 2}
    assert backoff.after_each({}) == {}
    assert backoff.after_each({"lost": OutcomeUnknown("x"), "full": api(RateLimitError)}) == {"lost": 4, "full": 2}


def test_refusals_by_a_limit_leave_the_patience_with_failures_as_it_is_and_the_other_way_round():
    policy = RetryPolicy(paced=True)
    backoff = Backoff(policy=policy, idempotent=False, random=lambda: 1.0)
    refused, unreachable, spent = api(RateLimitError), ConnectFailed("x"), api(OperatingLimitError)
    assert [backoff.after(refused) for _ in range(20)] == [1] * 20
    assert [backoff.after(unreachable) for _ in range(4)] == [1, 2, 4, 8]
    assert [backoff.after(spent) for _ in range(3)] == [10, 20, 40]
    assert [backoff.after(refused) for _ in range(4)] == [1] * 4
    assert backoff.after(refused) is None
    assert backoff.after(unreachable) is None


def test_a_reset_in_ten_years_is_not_waited_for():
    error = OperatingLimitError(code="OPERATION_TIME_LIMIT", description="", method="m", status=200)
    error.reset_in = 3e8
    assert RetryPolicy().delay(error, 1, idempotent=True, random=lambda: 0.0) == 601


@pytest.mark.parametrize("reset_in", [None, 0.0])
def test_without_a_known_reset_the_delays_double_from_ten_seconds_to_two_minutes(reset_in):
    error = api(OperatingLimitError)
    error.reset_in = reset_in
    assert [delay(error, attempt) for attempt in range(1, 11)] == [10, 20, 40, 80, 120, 120, 120, 120, 120, None]


def test_beside_a_bucket_a_refusal_is_repeated_after_about_a_second_however_often():
    policy = RetryPolicy(paced=True, first_delay=4.0, paced_attempts=25)

    def paced(attempt, chance):
        return policy.delay(api(RateLimitError), attempt, idempotent=False, random=lambda: chance)

    assert [paced(attempt, 1.0) for attempt in (1, 2, 24)] == [4, 4, 4]
    assert [paced(1, chance) for chance in (0.0, 0.5)] == [2, 3]
    assert paced(25, 1.0) is None
    assert policy.delay(api(ServerError, executed="no"), 2, idempotent=False, random=lambda: 1.0) == 8


def test_a_refused_token_is_replaced_and_the_call_repeated_at_once():
    error = api(AuthenticationError)
    error.has_new_token = True
    assert [delay(error, attempt) for attempt in range(1, 6)] == [0, 0, 0, 0, None]


def test_after_something_was_done_the_tries_are_counted_anew():
    tries, lost, full = Tries(), OutcomeUnknown("x"), api(RateLimitError)
    tries.count([lost, full, full])
    assert [tries.next(lost), tries.next(full)] == [2, 2]
    tries.clear()
    assert [tries.next(lost), tries.next(full)] == [1, 1]
