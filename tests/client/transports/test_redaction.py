"""Records of the HTTP libraries lose their secrets before any handler sees them."""

from __future__ import annotations

import logging
import sys

import pytest

from airflow_provider_bitrix24.client.secret_text import LiveSecrets, forms_of
from airflow_provider_bitrix24.client.transports.redaction import RedactingFilter, redact, shield_loggers


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ('"POST /rest/1/s3cr3t/batch HTTP/1.1" 200 15', '"POST /rest/1/***/batch HTTP/1.1" 200 15'),
        ("https://example.bitrix24.com/rest/api/1/s3cr3t/x", "https://example.bitrix24.com/rest/api/1/***/x"),
        ("GET /rest/scope?auth=s3cr3t&x=1", "GET /rest/scope?auth=***&x=1"),
        ("/oauth/token/?client_id=a&client_secret=s3cr3t&refresh_token=s3cr3t", None),
        ("Starting new HTTPS connection (1): example.bitrix24.com:443", ...),
    ],
)
def test_secrets_of_urls_and_tokens_are_replaced(text, redacted):
    shown = redact(text)
    assert "s3cr3t" not in shown
    if redacted is not None:
        assert shown == (text if redacted is ... else redacted)


def test_a_record_keeps_its_arguments_unless_they_show_a_secret():
    harmless = logging.makeLogRecord({"msg": "%s of %s", "args": ("1", "2")})
    telling = logging.makeLogRecord({"msg": "POST %s", "args": ("/rest/1/s3cr3t/batch",)})
    assert RedactingFilter().filter(harmless)
    assert harmless.args == ("1", "2")
    assert RedactingFilter().filter(telling)
    assert (telling.msg, telling.args) == ("POST /rest/1/***/batch", None)


@pytest.fixture
def live(monkeypatch):
    secrets = LiveSecrets()
    monkeypatch.setattr("airflow_provider_bitrix24.client.transports.redaction.LIVE_SECRETS", secrets)
    secrets.add(LIVE)
    return secrets


LIVE = "l1v3s3cr3t+/%"


@pytest.mark.parametrize("shown", sorted(forms_of(LIVE)))
def test_a_live_secret_is_replaced_in_whatever_form_and_place_it_stands(live, shown):
    assert redact(f"receive_response_headers.complete (b'X-Token', b'{shown}')") == (
        "receive_response_headers.complete (b'X-Token', b'***')"
    )


def test_the_traceback_of_a_record_shows_no_live_secret(live):
    try:
        raise ValueError(f"Failed to parse headers (url=https://example.bitrix24.com/rest/1/{LIVE}/batch)")  # noqa: TRY301
    except ValueError:
        record = logging.makeLogRecord({"msg": "Failed to parse headers", "exc_info": sys.exc_info()})
    record.stack_info = f"Stack: {LIVE}"
    RedactingFilter().filter(record)

    shown = logging.Formatter("%(message)s").format(record)

    assert LIVE not in shown
    assert "/rest/1/***/batch" in shown
    assert record.exc_info is None


def test_a_traceback_without_a_secret_stays_as_it_is(live):
    try:
        raise ValueError("harmless")  # noqa: TRY301
    except ValueError:
        record = logging.makeLogRecord({"msg": "x", "exc_info": sys.exc_info()})
    RedactingFilter().filter(record)
    assert record.exc_info is not None
    assert record.exc_text is None


def test_a_logger_is_shielded_once():
    shield_loggers()
    logger = logging.getLogger("urllib3.connectionpool")
    before = list(logger.filters)
    shield_loggers()
    assert logger.filters == before
    assert [type(each) for each in before].count(RedactingFilter) == 1
