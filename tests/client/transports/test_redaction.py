"""Records of the HTTP libraries lose their secrets before any handler sees them."""

from __future__ import annotations

import logging

import pytest

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


def test_a_logger_is_shielded_once():
    shield_loggers()
    logger = logging.getLogger("urllib3.connectionpool")
    before = list(logger.filters)
    shield_loggers()
    assert logger.filters == before
    assert [type(each) for each in before].count(RedactingFilter) == 1
