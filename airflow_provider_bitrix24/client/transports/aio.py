"""The asynchronous driver: performs the effects of a flow with httpx and ``asyncio.sleep``.

The counterpart of :mod:`.sync`, with a map of its own, since httpx gives the same failures other names.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, assert_never
from weakref import WeakKeyDictionary

import httpx

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
from airflow_provider_bitrix24.client.stores.process import ProcessStore
from airflow_provider_bitrix24.client.transports.aio_failures import FAILURES, translate
from airflow_provider_bitrix24.client.transports.bounded_exchange import within
from airflow_provider_bitrix24.client.transports.bounds import PIECE, AnswerBounds
from airflow_provider_bitrix24.client.transports.proxy import Proxy, proxy_for
from airflow_provider_bitrix24.client.transports.redaction import shield_loggers
from airflow_provider_bitrix24.client.transports.sharing import LastAnswered, share
from airflow_provider_bitrix24.client.transports.tls import bad_environment, checked_tls, trusting

if TYPE_CHECKING:
    import logging
    import ssl
    from collections.abc import AsyncGenerator
    from typing import Self

    from airflow_provider_bitrix24.client.settings import ClientSettings
    from airflow_provider_bitrix24.client.stores.pacer import Pacer

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
InThread = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Calls a function that may block in another thread than the event loop's."""


class AsyncDriver:
    """Performs flows over one pool of kept-alive connections, inside a running event loop."""

    def __init__(
        self,
        settings: ClientSettings,
        *,
        pacer: Pacer,
        log: logging.Logger,
        clock: Clock = SYSTEM_CLOCK,
        in_thread: InThread | None = None,
    ) -> None:
        shield_loggers()
        self._settings = settings
        self._pacer, self._log = pacer, log
        self._clock = clock
        self._answered = LastAnswered()
        self._tls = _tls(settings)
        self._pools: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str | None, _Pool]] = WeakKeyDictionary()
        self._in_thread = in_thread or asyncio.to_thread

    def now(self) -> float:
        """Seconds of the driver's monotonic clock."""
        return self._clock.monotonic()

    async def run(self, flow: Flow[T]) -> T:
        """Perform a flow to its end and return its result; its errors propagate."""
        answer: Any = None
        try:
            while True:
                answer = await self._perform(flow.send(answer))
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            flow.close()

    async def close(self) -> None:
        """Close the connections of this event loop."""
        for pool in self._pools.pop(asyncio.get_running_loop(), {}).values():
            await pool.close()

    async def _perform(self, effect: Effect) -> object:
        match effect:
            case Send(outgoing):
                together = len(outgoing)
                answers = tuple(await asyncio.gather(*(self._send(each, share=together) for each in outgoing)))
                self._answered.note(answers)
                return answers
            case Acquire(want, refused):
                answered_ago = self._answered.seconds_ago(self.now())
                grant = await self._shared(self._pacer.acquire, want, refused, answered_ago)
                return Acquired(grant.count, grant.wait, self._clock.monotonic())
            case Sleep(seconds):
                await self._clock.asleep(seconds)
                return self._clock.monotonic()
            case ShareCost() | ShareWorkingTime():
                return await self._shared(share, self._pacer, effect)
            case Save():
                # Only the blocking client keeps checkpoints: no event loop resumes a firing.
                return self._clock.monotonic()
            case Consult(function):
                return await self._in_thread(function)
            case Uninterrupted(inner):
                return await self._to_its_end(inner)
            case Log(message, level):
                self._log.log(level, "%s", message)
                return None
        assert_never(effect)

    async def _to_its_end(self, flow: Flow[T]) -> T:
        """Perform a flow in a task of its own, which is not cancelled with this one."""
        running = asyncio.ensure_future(self.run(flow))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait((running,), timeout=UNINTERRUPTED_SECONDS)
            raise

    async def _shared(self, update: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Use the shared state without blocking the loop while another process holds it."""
        if isinstance(self._pacer.store, ProcessStore):
            return update(*args, **kwargs)
        return await asyncio.to_thread(update, *args, **kwargs)

    async def _send(self, outgoing: HttpRequest, *, share: int) -> HttpResponse | NoResponse:
        """Send one request.

        :param share: how many answers share the limit on an answer's size.
        """
        bounds = AnswerBounds(
            connect_timeout=self._settings.connect_timeout, read_timeout=self._settings.read_timeout, share=share
        )
        sent_at = self._clock.monotonic()
        proxy: Proxy | None = None
        error: Bitrix24Error
        try:
            proxy = proxy_for(outgoing.url, self._settings.proxy)
            answer, body = await self._receive(await self._client(proxy), outgoing, bounds)
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
        return NoResponse(error, sent_at, self._clock.monotonic())

    async def _client(self, proxy: Proxy | None) -> httpx.AsyncClient:
        """The client for a proxy in this event loop: its connections cannot be used in another one."""
        for loop in [each for each in self._pools if each.is_closed()]:
            del self._pools[loop]
        pools = self._pools.setdefault(asyncio.get_running_loop(), {})
        address = None if proxy is None else proxy.url
        if address not in pools:
            pools[address] = await _Pool.open(_client(self._settings, proxy, tls=self._tls))
        return pools[address].client

    @staticmethod
    async def _receive(
        client: httpx.AsyncClient, outgoing: HttpRequest, bounds: AnswerBounds
    ) -> tuple[httpx.Response, bytes | bytearray]:
        async with within(bounds) as trace:
            request = client.build_request(
                "POST", outgoing.url, content=outgoing.body, headers=outgoing.headers, extensions={"trace": trace}
            )
            answer = await client.send(request, stream=True)
            try:
                body = bounds.body(answer.headers.get("Content-Encoding", ""), headers=len(answer.headers.raw))
                # Not through httpx, which decompresses without a bound.
                async for received in answer.aiter_raw(PIECE):
                    body.feed(received)
            finally:
                await answer.aclose()
        return answer, body.content()


class _Pool:
    """A client, which is closed with its event loop if nobody closes it before."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self._guard = self._until_the_loop_ends()

    @classmethod
    async def open(cls, client: httpx.AsyncClient) -> Self:
        """Make a pool in the running event loop."""
        pool = cls(client)
        await anext(pool._guard)
        return pool

    async def _until_the_loop_ends(self) -> AsyncGenerator[None, None]:
        # An event loop closes the asynchronous generators that are still open when it ends.
        try:
            yield
        finally:
            await self.client.aclose()

    async def close(self) -> None:
        """Close the connections."""
        await self._guard.aclose()


def _client(settings: ClientSettings, proxy: Proxy | None, *, tls: ssl.SSLContext | bool) -> httpx.AsyncClient:
    try:
        return httpx.AsyncClient(
            verify=tls,
            proxy=None if proxy is None else proxy.url,
            trust_env=False,
            timeout=httpx.Timeout(settings.read_timeout, connect=settings.connect_timeout, pool=None),
            limits=httpx.Limits(max_connections=max(10, settings.max_concurrency)),
            # A session cookie would make the portal handle our requests one after the other.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            event_hooks={"response": [_forget_location]},
        )
    except (ImportError, ValueError, httpx.InvalidURL):
        source = "The proxy" if proxy is None else f"The proxy ({proxy.source})"
        raise ConfigurationError(
            f"{source} cannot be used.", hint="Use the form http://proxy.example.com:3128."
        ) from None


async def _forget_location(response: httpx.Response) -> None:
    # httpx prepares the next request even where redirects are not followed, and fails on an odd address.
    response.headers.pop("Location", None)


def _tls(settings: ClientSettings) -> ssl.SSLContext | bool:
    tls = checked_tls(settings)
    if isinstance(tls, str):
        return trusting(tls)
    return _usual_authorities(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")) if tls else False


@lru_cache(maxsize=8)
def _usual_authorities(_file: str | None, _directory: str | None) -> ssl.SSLContext:
    # Reading them takes some 40 ms, for which the event loop of a triggerer stands still.
    try:
        return httpx.create_ssl_context()
    except OSError:
        raise bad_environment() from None
