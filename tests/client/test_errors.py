"""Errors: what each class says, and that they survive being sent to another process."""

from __future__ import annotations

import copy
import pickle

import pytest

from airflow_provider_bitrix24.client.errors import (
    BatchError,
    Bitrix24Error,
    ConfigurationError,
    ConnectFailed,
    InvalidRequestError,
    OperatingLimitError,
    OutcomeUnknown,
    ProtocolError,
    ServerError,
    TransportError,
    VerificationError,
)


def samples() -> list[Bitrix24Error]:
    limit = OperatingLimitError(code="L", description="d", method="m", status=429, hint="h")
    limit.reset_in = 7.0
    return [
        Bitrix24Error("a", hint="h"),
        ConfigurationError("a"),
        TransportError("a"),
        ConnectFailed("a", permanent=True, hint="h"),
        OutcomeUnknown("a"),
        ProtocolError("a", status=302, executed="no"),
        limit,
        ServerError(code="", description="", method="m", status=500, executed="yes"),
        BatchError(results={"a": 1}, errors={"b": ConfigurationError("x")}),
        VerificationError("a"),
    ]


@pytest.mark.parametrize("error", samples(), ids=lambda error: type(error).__name__)
def test_an_error_survives_pickling_and_copying(error):
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):  # noqa: S301
        assert type(twin) is type(error)
        assert (str(twin), twin.args, twin.executed, twin.permanent) == (
            str(error),
            error.args,
            error.executed,
            error.permanent,
        )
        assert vars(twin).keys() == vars(error).keys()


def test_each_class_says_whether_the_portal_acted_and_whether_repeating_helps():
    said = {type(error).__name__: (error.executed, error.permanent) for error in samples()}
    assert said == {
        "Bitrix24Error": ("no", True),
        "ConfigurationError": ("no", True),
        "TransportError": ("no", False),
        "ConnectFailed": ("no", True),
        "OutcomeUnknown": ("unknown", False),
        "ProtocolError": ("no", True),
        "OperatingLimitError": ("no", False),
        "ServerError": ("yes", False),
        "BatchError": ("unknown", True),
        "VerificationError": ("yes", True),
    }


def test_a_hint_follows_the_message():
    assert str(ConfigurationError("It is wrong.", hint="Do this.")) == "It is wrong. Do this."
    assert str(ConfigurationError("It is wrong.")) == "It is wrong."


def test_a_batch_error_keeps_both_halves_and_names_a_few():
    errors = {f"k{n}": InvalidRequestError(code="C", description=f"d{n}", method="m", status=200) for n in range(5)}
    error = BatchError(results={"fine": 1}, errors=errors)
    assert error.results == {"fine": 1}
    assert error.errors == errors
    assert str(error) == (
        "5 of 6 commands failed: k0: m: C d0 (HTTP 200).; k1: m: C d1 (HTTP 200).; k2: m: C d2 (HTTP 200).; and 2 more."
    )
    assert "more" not in str(BatchError(results={}, errors={"a": errors["k0"]}))
