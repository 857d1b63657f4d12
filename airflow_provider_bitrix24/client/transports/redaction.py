"""Keeps webhook secrets out of other libraries' log lines.

urllib3 writes every request's path at DEBUG, httpx its whole URL at INFO; both hold the secret. The filter
rewrites such records before any handler sees them, for every webhook and token in them.
"""

from __future__ import annotations

import logging
import re

from airflow_provider_bitrix24.client.secret_text import LIVE_SECRETS

_LOGGERS = (
    "urllib3.connectionpool",
    "urllib3.connection",
    "urllib3.poolmanager",
    "urllib3.response",
    "urllib3.util.retry",
    "httpx",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
)
_SECRETS = (
    re.compile(r"(/rest/(?:api/)?[^/\s\"'?]+/)([^/\s\"'?]+)"),
    re.compile(r"([?&](?:auth|access_token|refresh_token|client_secret|ap)=)([^&\s\"']+)"),
)


def redact(text: str) -> str:
    """Text with the secrets of webhook URLs, token parameters and connections in use replaced by ``***``."""
    for pattern in _SECRETS:
        text = pattern.sub(r"\1***", text)
    return LIVE_SECRETS.hide(text)


class RedactingFilter(logging.Filter):
    """Rewrites a record that shows a secret, also in its traceback; lets every record pass."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace message, arguments and traceback by the redacted text where it differs."""
        shown = record.getMessage()
        redacted = redact(shown)
        if redacted != shown:
            record.msg, record.args = redacted, None
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        if record.exc_info:
            shown = _FORMATTER.formatException(record.exc_info)
            redacted = redact(shown)
            if redacted != shown:
                # A handler that formats the exception itself would show the secret, so it gets the text alone.
                record.exc_text, record.exc_info = redacted, None
        return True


_FORMATTER = logging.Formatter()
_FILTER = RedactingFilter()


def shield_loggers() -> None:
    """Put the filter on the loggers of the HTTP libraries; calling it again changes nothing."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_FILTER)
