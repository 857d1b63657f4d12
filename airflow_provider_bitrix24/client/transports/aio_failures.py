"""What httpx raises, as this client's errors: the counterpart of :mod:`.sync_failures`. Pure."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import httpx

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

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.errors import Bitrix24Error
    from airflow_provider_bitrix24.client.transports.proxy import Proxy

FAILURES = (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, UnusableAnswerError)
"""What may be raised while an exchange is under way."""
_TIMED_OUT = (TimeoutError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ReadTimeout, httpx.WriteTimeout)
_CUT_OFF = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
"""How a handshake ends that is cut off or never answered, which may be otherwise next time."""


def translate(method: str, failure: Exception, bounds: AnswerBounds, proxy: Proxy | None) -> Bitrix24Error:
    """Our error for what httpx raised. Its text is never used: it may hold the URL."""
    return judged(method, failure, bounds, proxy, timeouts=_TIMED_OUT, by_type=_by_type)


def _by_type(method: str, failure: Exception, proxy: Proxy | None) -> Bitrix24Error:
    """What the type of a failure and of its cause says."""
    kind = type(failure).__name__
    if isinstance(failure, httpx.InvalidURL | httpx.UnsupportedProtocol | UnicodeError):
        return bad_address(method, kind)
    if isinstance(failure, httpx.ProxyError):
        refused = str(failure).startswith("407")
        return no_proxy_connection(method, proxy, refused=refused)
    if not isinstance(failure, httpx.ConnectError):
        return broken(method, kind)
    tls = _tls_cause(failure)
    if isinstance(tls, ssl.SSLCertVerificationError):
        return not_trusted(method, tls)
    if tls is not None and not isinstance(tls, _CUT_OFF):
        return no_tls(method, tls)
    return not_connected(method, kind, proxy)


def _tls_cause(failure: BaseException) -> ssl.SSLError | None:
    inner: BaseException | None = failure
    while inner is not None:
        if isinstance(inner, ssl.SSLError):
            return inner
        inner = inner.__cause__ or inner.__context__
    return None
