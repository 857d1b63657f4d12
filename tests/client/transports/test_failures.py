"""What an exchange's own knowledge makes of an error: what was not sent, and what may have been."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError, ConnectFailed, OutcomeUnknown
from airflow_provider_bitrix24.client.transports.bounds import AnswerBounds
from airflow_provider_bitrix24.client.transports.failures import (
    bad_address,
    broken,
    certain,
    no_proxy_connection,
    not_connected,
    timed_out,
)
from airflow_provider_bitrix24.client.transports.proxy import Proxy

PROXY = Proxy("http://user:s3cr3t@proxy.example:3128", "HTTPS_PROXY")


def bounds(*, connecting=False, sent=False):
    made = AnswerBounds(connect_timeout=5, read_timeout=70)
    if connecting:
        made.connect()
    if sent:
        made.send()
    return made


def test_a_connection_that_was_not_ready_carried_nothing_whatever_the_library_calls_it():
    error = certain("m", "ReadError", broken("m", "ReadError"), bounds(connecting=True))
    assert isinstance(error, ConnectFailed)
    assert (error.executed, error.permanent) == ("no", False)


def test_a_request_that_was_sent_may_have_arrived_whatever_the_library_calls_it():
    failed = not_connected("m", "ConnectError")
    error = certain("m", "ConnectError", failed, bounds(connecting=True, sent=True))
    assert isinstance(error, OutcomeUnknown)
    assert (error.executed, error.hint) == ("unknown", failed.hint)


def test_an_error_that_fits_what_is_known_stays_as_it_is():
    for error in (bad_address("m", "InvalidURL"), not_connected("m", "ConnectError")):
        assert certain("m", "X", error, bounds()) is error
    assert isinstance(bad_address("m", "InvalidURL"), ConfigurationError)


@pytest.mark.parametrize(("sent", "kind"), [(False, ConnectFailed), (True, OutcomeUnknown)])
def test_a_time_out_is_that_of_the_connection_or_of_the_answer(sent, kind):
    assert isinstance(timed_out("m", "ReadTimeout", bounds(connecting=True, sent=sent)), kind)


@pytest.mark.parametrize("refused", [False, True])
def test_a_proxy_is_named_by_its_variable_and_its_login_is_not_shown(refused):
    error = no_proxy_connection("m", PROXY, refused=refused)
    assert "HTTPS_PROXY" in error.hint
    assert "s3cr3t" not in str(error)
    assert error.permanent is refused
    assert str(not_connected("m", "ConnectError", PROXY)) == str(no_proxy_connection("m", PROXY))
