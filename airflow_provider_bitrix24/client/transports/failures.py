"""What both drivers say of an exchange that failed, given how far it had come. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.errors import Bitrix24Error, ConfigurationError, ConnectFailed, OutcomeUnknown
from airflow_provider_bitrix24.client.protocol.wire import TOKEN_REQUEST
from airflow_provider_bitrix24.client.transports.bounds import UnusableAnswerError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from airflow_provider_bitrix24.client.transports.bounds import AnswerBounds
    from airflow_provider_bitrix24.client.transports.proxy import Proxy


def judged(
    method: str,
    failure: Exception,
    bounds: AnswerBounds,
    proxy: Proxy | None,
    *,
    timeouts: tuple[type[Exception], ...],
    by_type: Callable[[str, Exception, Proxy | None], Bitrix24Error],
) -> Bitrix24Error:
    """Our error for what an HTTP library raised.

    :param timeouts: the types that mean that a deadline has passed.
    :param by_type: what the other types mean, as far as they show it.
    """
    kind = type(failure).__name__
    if isinstance(failure, UnusableAnswerError):
        return unusable(method, failure)
    if isinstance(failure, timeouts):
        return timed_out(method, kind, bounds, proxy)
    return certain(method, kind, by_type(method, failure, proxy), bounds, proxy)


def bad_address(method: str, kind: str) -> ConfigurationError:
    """The HTTP library cannot read the portal's address."""
    return ConfigurationError(
        f"{method}: the portal's address cannot be used ({kind}).", hint="Use the form https://example.bitrix24.com."
    )


def not_trusted(method: str, cause: ssl.SSLCertVerificationError) -> ConnectFailed:
    """A server showed a certificate of an authority that this client does not trust, or of another host."""
    problem = f"{method}: the portal's certificate is not trusted ({cause.verify_message})."
    if method == TOKEN_REQUEST:
        problem = f"{method}: the authorization server's certificate is not trusted ({cause.verify_message})."
    hint = "Name the authority's file in ca_bundle, or correct the address."
    return ConnectFailed(problem, hint=hint, permanent=True)


def no_tls(method: str, cause: ssl.SSLError) -> ConnectFailed:
    """What answers there does not speak TLS, or no version of it that this machine speaks."""
    return ConnectFailed(
        f"{method}: no TLS connection ({cause.reason}).",
        hint="Check that this address and port use https.",
        permanent=True,
    )


def not_connected(method: str, kind: str, proxy: Proxy | None = None) -> ConnectFailed:
    """The connection was never ready to carry the request."""
    if proxy is not None:
        return no_proxy_connection(method, proxy)
    if method == TOKEN_REQUEST:
        return ConnectFailed(
            f"{method}: no connection to the authorization server ({kind}).",
            hint="Let this machine reach it over https: oauth.bitrix.info or oauth.bitrix24.tech, or the one in "
            "oauth_server.",
        )
    return ConnectFailed(
        f"{method}: no connection to the portal ({kind}).",
        hint="Check the portal's address and that this machine may reach it.",
    )


def no_proxy_connection(method: str, proxy: Proxy | None, *, refused: bool = False) -> ConnectFailed:
    """The proxy gave no connection.

    :param refused: whether it wants another login, so that trying again is useless.
    """
    named = f", which {proxy.source} names" if proxy is not None and proxy.source.isupper() else ""
    return ConnectFailed(
        f"{method}: the proxy gave no connection.",
        hint=f"Check the address and the login of the proxy{named}.",
        permanent=refused,
    )


def broken(method: str, kind: str, *, hint: str = "") -> OutcomeUnknown:
    """The connection broke at a moment that leaves open what the portal did."""
    return OutcomeUnknown(f"{method}: the connection broke before the answer was complete ({kind}).", hint=hint)


def timed_out(
    method: str, kind: str, bounds: AnswerBounds, proxy: Proxy | None = None
) -> ConnectFailed | OutcomeUnknown:
    """A deadline passed: that of the connection, or that of the answer."""
    if bounds.connecting:
        return not_connected(method, kind, proxy)
    return OutcomeUnknown(f"{method}: no complete answer within {bounds.read_timeout:g} s.")


def unusable(method: str, problem: UnusableAnswerError) -> OutcomeUnknown:
    """The answer was not read to its end."""
    return OutcomeUnknown(
        f"{method}: {problem}; it was not read.",
        hint="Ask for fewer rows or fields at once; if the answer should be small, check what answers at that address.",
    )


def certain(
    method: str, kind: str, error: Bitrix24Error, bounds: AnswerBounds, proxy: Proxy | None = None
) -> Bitrix24Error:
    """Correct an error's claim whether the request was sent: the exchange knows better than an exception's type."""
    if bounds.connecting and error.executed == "unknown":
        return not_connected(method, kind, proxy)
    if bounds.sent and error.executed == "no":
        return broken(method, kind, hint=error.hint if isinstance(error, ConnectFailed) else "")
    return error
