"""The blocking driver: performs the effects of a flow with requests and ``time.sleep``.

It decides nothing: the flow says what to send and when. An explicit map translates the failures of requests,
since "certainly not sent" and "maybe sent" must not be confused.
"""

from __future__ import annotations

import os
import ssl
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, assert_never

import requests
from urllib3 import exceptions as urllib3_errors

from airflow_provider_bitrix24.client.clock import SYSTEM_CLOCK, Clock
from airflow_provider_bitrix24.client.errors import Bitrix24Error, ConfigurationError, ConnectFailed
from airflow_provider_bitrix24.client.flows.effects import (
    UNINTERRUPTED_SECONDS,
    Acquire,
    Acquired,
    Consult,
    Effect,
    Flow,
    Log,
    NoResponse,
    Save,
    Send,
    ShareCost,
    ShareWorkingTime,
    Sleep,
    Uninterrupted,
)
from airflow_provider_bitrix24.client.protocol.wire import HttpRequest, HttpResponse
from airflow_provider_bitrix24.client.transports.bounded_adapter import BoundedAdapter
from airflow_provider_bitrix24.client.transports.bounds import CURRENT, PIECE, AnswerBounds, UnusableAnswerError
from airflow_provider_bitrix24.client.transports.failures import (
    broken,
    certain,
    no_proxy_connection,
    not_connected,
    timed_out,
    unusable,
    without_foreign_frames,
)
from airflow_provider_bitrix24.client.transports.proxy import Proxy, proxy_for
from airflow_provider_bitrix24.client.transports.redaction import shield_loggers
from airflow_provider_bitrix24.client.transports.sharing import share
from airflow_provider_bitrix24.client.transports.tls import (
    CA_HINT,
    ENVIRONMENT_HINT,
    ENVIRONMENT_PROBLEM,
    TLS_HINT,
    URL_HINT,
    checked_tls,
)

if TYPE_CHECKING:
    import logging

    from airflow_provider_bitrix24.client.flows.effects import CheckpointStore
    from airflow_provider_bitrix24.client.settings import ClientSettings
    from airflow_provider_bitrix24.client.stores.pacer import Pacer

T = TypeVar("T")


class SyncDriver:
    """Performs flows over one pool of kept-alive connections."""

    def __init__(
        self,
        settings: ClientSettings,
        *,
        pacer: Pacer,
        log: logging.Logger,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        shield_loggers()
        self._settings = settings
        self._pacer, self._log = pacer, log
        self._clock = clock
        self._session = _session(settings)
        self._proxies: dict[str, Proxy | None] = {}
        self._threads: ThreadPoolExecutor | None = None

    def now(self) -> float:
        """Seconds of the driver's monotonic clock."""
        return self._clock.monotonic()

    def run(self, flow: Flow[T], *, checkpoint_store: CheckpointStore | None = None) -> T:
        """Perform a flow to its end and return its result; its errors propagate.

        :param checkpoint_store: keeps the checkpoint of a firing; an error that it raises ends the flow.
        """
        answer: Any = None
        try:
            while True:
                answer = self._perform(flow.send(answer), checkpoint_store)
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            flow.close()

    def close(self) -> None:
        """Close the connections."""
        if self._threads is not None:
            self._threads.shutdown()
        self._session.close()

    def _perform(self, effect: Effect, checkpoint_store: CheckpointStore | None) -> object:
        match effect:
            case Send(outgoing):
                return self._exchange(outgoing)
            case Acquire(want, refused):
                grant = self._pacer.acquire(want, refused)
                return Acquired(grant.count, grant.wait, self._clock.monotonic())
            case Sleep(seconds, kind):
                if checkpoint_store is not None:
                    checkpoint_store.wait(seconds, kind)
                self._clock.sleep(seconds)
                return self._clock.monotonic()
            case ShareCost() | ShareWorkingTime():
                return share(self._pacer, effect)
            case Save(part, value, ahead):
                if checkpoint_store is not None:
                    checkpoint_store.save(part, value, ahead=ahead)
                return self._clock.monotonic()
            case Consult() | Uninterrupted():
                return effect.function() if isinstance(effect, Consult) else self._to_its_end(effect.flow)
            case Log(message, level):
                self._log.log(level, "%s", message)
                return None
        assert_never(effect)

    def _to_its_end(self, flow: Flow[T]) -> T:
        """Perform a flow in a thread, where no signal interrupts it."""
        thread = ThreadPoolExecutor(1, "bitrix24-token")
        running = thread.submit(self.run, flow)
        try:
            return running.result()
        except BaseException:
            wait((running,), UNINTERRUPTED_SECONDS)
            raise
        finally:
            thread.shutdown(wait=False)

    def _exchange(self, outgoing: tuple[HttpRequest, ...]) -> tuple[HttpResponse | NoResponse, ...]:
        if len(outgoing) == 1:
            return (self._send(outgoing[0]),)
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._settings.max_concurrency, "bitrix24")
        return tuple(self._threads.map(partial(self._send, share=len(outgoing)), outgoing))

    def _send(self, outgoing: HttpRequest, *, share: int = 1) -> HttpResponse | NoResponse:
        """Send one request.

        :param share: how many answers share the limit on an answer's size.
        """
        bounds = AnswerBounds(
            connect_timeout=self._settings.connect_timeout, read_timeout=self._settings.read_timeout, share=share
        )
        token = CURRENT.set(bounds)
        sent_at = self._clock.monotonic()
        proxy: Proxy | None = None
        error: Bitrix24Error
        try:
            proxy = self._proxy(outgoing.url)
            answer, body = self._receive(outgoing, bounds, proxy)
        except ConfigurationError as refused:
            error = refused
        except _FAILURES as failure:
            error = _translate(outgoing.method, failure, bounds, proxy)
        except BaseException as interruption:  # noqa: BLE001 - raised again
            raise without_foreign_frames(interruption) from None
        else:
            return HttpResponse(
                status=answer.status_code,
                body=body,
                content_type=answer.headers.get("Content-Type", ""),
                sent_at=sent_at,
                received_at=self._clock.monotonic(),
            )
        finally:
            CURRENT.reset(token)
        return NoResponse(error, sent_at, self._clock.monotonic())

    def _receive(
        self, outgoing: HttpRequest, bounds: AnswerBounds, proxy: Proxy | None
    ) -> tuple[requests.Response, bytes | bytearray]:
        # Not Session.send, which prepares the next request of a redirect and fails on an odd address.
        adapter = self._session.get_adapter(outgoing.url)
        answer = adapter.send(self._prepared(outgoing), **self._options(proxy))
        try:
            body = bounds.body(answer.headers.get("Content-Encoding", ""))
            answer.raw.enforce_content_length = True  # urllib3 1 takes a body that was cut for a whole one
            # Not through requests, which decompresses without a bound.
            while received := answer.raw.read(PIECE, decode_content=False):
                body.feed(received)
        finally:
            answer.close()
        return answer, body.content()

    @staticmethod
    def _prepared(outgoing: HttpRequest) -> requests.PreparedRequest:
        # Not through the session: that would look for a login in ~/.netrc on every request.
        prepared = requests.PreparedRequest()
        prepared.prepare(method="POST", url=outgoing.url, headers=outgoing.headers, data=outgoing.body)
        return prepared

    def _proxy(self, url: str) -> Proxy | None:
        """The proxy for a request, decided once for each host."""
        host = url.split("/", 3)[2]
        if host not in self._proxies:
            self._proxies[host] = proxy_for(url, self._settings.proxy)
        return self._proxies[host]

    def _options(self, proxy: Proxy | None) -> dict[str, Any]:
        return {
            "proxies": {} if proxy is None else dict.fromkeys(("http", "https"), proxy.url),
            "verify": self._session.verify,
            "timeout": (self._settings.connect_timeout, self._settings.read_timeout),
        }


def _session(settings: ClientSettings) -> requests.Session:
    session = requests.Session()
    adapter = BoundedAdapter(pool_connections=2, pool_maxsize=max(10, settings.max_concurrency), max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    tls = checked_tls(settings)
    session.verify = _usual_authorities() if tls is True else tls
    return session


def _usual_authorities() -> bool | str:
    """The file of authorities that the environment names, as requests knows it, or those of requests."""
    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True


_HANDSHAKE = (
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "RECORD_LAYER_FAILURE",
    "PROTOCOL",
    "ALERT",
    "NO_CIPHERS",
)
"""Parts of OpenSSL's reasons that only occur before a request is written."""

_FAILURES = (requests.RequestException, urllib3_errors.HTTPError, OSError, ValueError, UnusableAnswerError)
"""What may be raised while an exchange is under way; http.client raises ValueError at some malformed answers."""

_NO_ADDRESS = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    urllib3_errors.LocationValueError,
    UnicodeError,
)
_TIMED_OUT = (TimeoutError, requests.exceptions.ReadTimeout, urllib3_errors.ReadTimeoutError)


def _translate(method: str, failure: Exception, bounds: AnswerBounds, proxy: Proxy | None) -> Bitrix24Error:
    """Our error for what requests raised. Its text is never used: it holds the URL."""
    kind = type(failure).__name__
    if isinstance(failure, UnusableAnswerError):
        return unusable(method, failure)
    if isinstance(failure, _TIMED_OUT):
        return timed_out(method, kind, bounds, proxy)
    return certain(method, kind, _by_type(method, failure, proxy), bounds, proxy)


def _by_type(method: str, failure: Exception, proxy: Proxy | None) -> Bitrix24Error:
    """What the type of a failure and of its cause says."""
    kind = type(failure).__name__
    cause = _cause(failure)
    if isinstance(failure, _NO_ADDRESS):
        return ConfigurationError(f"{method}: the portal's address cannot be used ({kind}).", hint=URL_HINT)
    if type(failure) is OSError:  # what requests says of authorities that it looks for itself
        return ConfigurationError(ENVIRONMENT_PROBLEM, hint=ENVIRONMENT_HINT)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return ConnectFailed(
            f"{method}: the portal's certificate is not trusted ({cause.verify_message}).",
            hint=CA_HINT,
            permanent=True,
        )
    if isinstance(cause, ssl.SSLError) and any(part in (cause.reason or "") for part in _HANDSHAKE):
        return ConnectFailed(f"{method}: no TLS connection ({cause.reason}).", hint=TLS_HINT, permanent=True)
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
