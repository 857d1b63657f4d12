"""What requests and urllib3 raise, as this client's errors: certainly not sent, or maybe sent, never confused. Pure."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import requests
from urllib3 import exceptions as urllib3_errors

from airflow_provider_bitrix24.client.transports.bounds import AnswerBounds, UnusableAnswerError
from airflow_provider_bitrix24.client.transports.failures import (
    bad_address,
    broken,
    judged,
    no_proxy_connection,
    no_tls,
    not_connected,
    not_trusted,
)
from airflow_provider_bitrix24.client.transports.tls import bad_environment

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.errors import Bitrix24Error
    from airflow_provider_bitrix24.client.transports.proxy import Proxy

_HANDSHAKE = (
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "RECORD_LAYER_FAILURE",
    "PROTOCOL",
    "ALERT",
    "NO_CIPHERS",
)
"""Parts of OpenSSL's reasons that only occur before a request is written."""

FAILURES = (requests.RequestException, urllib3_errors.HTTPError, OSError, ValueError, UnusableAnswerError)
"""What may be raised while an exchange is under way; http.client raises ValueError at some malformed answers."""

_NO_ADDRESS = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    urllib3_errors.LocationValueError,
    UnicodeError,
)
_TIMED_OUT = (TimeoutError, requests.exceptions.ReadTimeout, urllib3_errors.ReadTimeoutError)


def translate(method: str, failure: Exception, bounds: AnswerBounds, proxy: Proxy | None) -> Bitrix24Error:
    """Our error for what requests raised. Its text is never used: it holds the URL."""
    return judged(method, failure, bounds, proxy, timeouts=_TIMED_OUT, by_type=_by_type)


def _by_type(method: str, failure: Exception, proxy: Proxy | None) -> Bitrix24Error:
    """What the type of a failure and of its cause says."""
    kind = type(failure).__name__
    cause = _cause(failure)
    if isinstance(failure, _NO_ADDRESS):
        return bad_address(method, kind)
    if type(failure) is OSError:  # what requests says of authorities that it looks for itself
        return bad_environment()
    if isinstance(cause, ssl.SSLCertVerificationError):
        return not_trusted(method, cause)
    if isinstance(cause, ssl.SSLError) and any(part in (cause.reason or "") for part in _HANDSHAKE):
        return no_tls(method, cause)
    if isinstance(failure, requests.exceptions.ProxyError) and _never_reached(cause):
        # The number alone is also part of ports and of addresses in memory.
        refused = "Tunnel connection failed: 407" in str(cause)
        return no_proxy_connection(method, proxy, refused=refused)
    if isinstance(cause, urllib3_errors.NewConnectionError | urllib3_errors.ConnectTimeoutError):
        return not_connected(method, kind, proxy)
    return broken(method, kind)


def _never_reached(cause: BaseException) -> bool:
    """Whether the proxy gave no connection. A connection that broke later is called a proxy error, too."""
    refused = isinstance(cause, urllib3_errors.NewConnectionError | urllib3_errors.ConnectTimeoutError)
    return refused or (type(cause) is OSError and "Tunnel connection failed" in str(cause))


def _cause(failure: BaseException) -> BaseException:
    """The innermost reason: requests wraps urllib3, which wraps ssl."""
    inner: object = getattr(failure, "reason", None)
    if not isinstance(inner, BaseException):
        inner = next((arg for arg in failure.args if isinstance(arg, BaseException)), None)
    return failure if not isinstance(inner, BaseException) else _cause(inner)
