"""The blocking driver: performs the effects of a flow with requests and ``time.sleep``.

It decides nothing: the flow says what to send and when. An explicit map translates the failures of requests,
since "certainly not sent" and "maybe sent" must not be confused.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, assert_never

import requests

from airflow_provider_bitrix24.client.clock import SYSTEM_CLOCK, Clock
from airflow_provider_bitrix24.client.errors import Bitrix24Error, ConfigurationError
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
from airflow_provider_bitrix24.client.frames import without_frames
from airflow_provider_bitrix24.client.protocol.wire import HttpRequest, HttpResponse
from airflow_provider_bitrix24.client.transports.bounded_adapter import BoundedAdapter
from airflow_provider_bitrix24.client.transports.bounds import CURRENT, PIECE, AnswerBounds
from airflow_provider_bitrix24.client.transports.proxy import Proxy, proxy_for
from airflow_provider_bitrix24.client.transports.redaction import shield_loggers
from airflow_provider_bitrix24.client.transports.sharing import LastAnswered, share
from airflow_provider_bitrix24.client.transports.sync_failures import FAILURES, translate
from airflow_provider_bitrix24.client.transports.tls import checked_tls

if TYPE_CHECKING:
    import logging

    from airflow_provider_bitrix24.client.flows.effects import CheckpointStore, SleepKind
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
        self._answered = LastAnswered()
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
        """Close the connections. What is sent after that opens new ones."""
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown()
        self._session.close()

    def _perform(self, effect: Effect, checkpoint_store: CheckpointStore | None) -> object:
        match effect:
            case Send(outgoing):
                answers = self._exchange(outgoing)
                self._answered.note(answers)
                return answers
            case Acquire(want, refused):
                grant = self._pacer.acquire(want, refused, self._answered.seconds_ago(self.now()))
                return Acquired(grant.count, grant.wait, self._clock.monotonic())
            case Sleep(seconds, kind):
                return self._sleep(seconds, kind, checkpoint_store)
            case ShareCost() | ShareWorkingTime():
                return share(self._pacer, effect)
            case Save(part, value, ahead):
                if checkpoint_store is not None:
                    checkpoint_store.save(part, value, ahead=ahead)
                return self._clock.monotonic()
            case Consult(function):
                return function()
            case Uninterrupted(inner):
                return self._to_its_end(inner)
            case Log(message, level):
                self._log.log(level, "%s", message)
                return None
        assert_never(effect)

    def _sleep(self, seconds: float, kind: SleepKind, checkpoint_store: CheckpointStore | None) -> float:
        if checkpoint_store is not None:
            checkpoint_store.wait(seconds, kind)
        self._clock.sleep(seconds)
        return self._clock.monotonic()

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
        threads = self._threads = self._threads or ThreadPoolExecutor(self._settings.max_concurrency, "bitrix24")
        try:
            return tuple(threads.map(partial(self._send, share=len(outgoing)), outgoing))
        except BaseException:
            # Airflow kills a task soon after it has asked it to end: nothing may wait for the portal's answers.
            self._threads = None
            threads.shutdown(wait=False, cancel_futures=True)
            raise

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
            error = without_frames(refused)
        except FAILURES as failure:
            error = translate(outgoing.method, failure, bounds, proxy)
        except BaseException as interruption:  # noqa: BLE001 - raised again
            raise without_frames(interruption) from None
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
