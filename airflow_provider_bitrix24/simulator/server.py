"""The portal on a socket: an aiohttp server for the REST methods, OAuth, the control API and the board.

It translates HTTP to :class:`.rest.RestRequest` and back, and cuts or resets connections as faults demand. What a
request means is decided elsewhere.
"""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING, Final

from aiohttp import web
from aiohttp.http import HttpProcessingError

from airflow_provider_bitrix24.simulator import board, browsers, control, oauth
from airflow_provider_bitrix24.simulator.connections import close_connection
from airflow_provider_bitrix24.simulator.portal.settings import Addresses
from airflow_provider_bitrix24.simulator.rest import RestRequest, RestService

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Iterable

    from airflow_provider_bitrix24.simulator.portal import Portal
    from airflow_provider_bitrix24.simulator.rest import RestResponse

DEFAULT_PORT: Final = 8024
LOOPBACK: Final = "127.0.0.1"
_BODY_LIMIT: Final = 64 * 1024 * 1024
_STOP_SECONDS: Final = 0.05
_BACKLOG: Final = 1024


class ListenError(OSError):
    """The requested address cannot be listened on."""


class PortInUseError(ListenError):
    """Another program listens on the requested port."""


class PortalServer:
    """Serves one portal; call :meth:`start` and :meth:`stop` in the same event loop.

    :param names: host names by which it may be asked, besides addresses, names without a dot and the `domain` and
        `oauth_host` of its settings.
    """

    def __init__(self, portal: Portal, *, names: Iterable[str] = ()) -> None:
        self.rest = RestService(portal)
        self._portal = portal
        self._names = frozenset(each.lower() for each in names)
        self._runner: web.AppRunner | None = None

    async def start(
        self, host: str = LOOPBACK, port: int = 0, tls: ssl.SSLContext | None = None, *, oauth_port: int | None = None
    ) -> int:
        """Listen, and return the port.

        :param oauth_port: where the authorization server listens, 0 for any free port; by default, at the portal's.
        :raises PortInUseError: when another program listens there.
        :raises ListenError: when this machine does not have the address, or the port is not permitted.
        """
        runner = web.AppRunner(self.application(), access_log=None, shutdown_timeout=_STOP_SECONDS)
        await runner.setup()
        for each in (port,) if oauth_port is None else (port, oauth_port):
            site = web.TCPSite(runner, host, each, ssl_context=tls, backlog=_BACKLOG, reuse_address=True)
            try:
                await site.start()
            except OSError as error:
                await runner.cleanup()
                raise _listen_error(error, host, each) from None
        self._runner = runner
        bound = [address[1] for address in runner.addresses]
        if oauth_port is not None:
            base = f"{'https' if tls else 'http'}://{host}"
            self._portal.addresses = Addresses(portal=f"{base}:{bound[0]}", oauth=f"{base}:{bound[1]}")
        return int(bound[0])

    async def stop(self) -> None:
        """Close the socket and every connection, and cancel the requests in progress."""
        self.rest.abandon()
        if self._runner is not None:
            handlers = self._runner.server.connections if self._runner.server else []
            transports = [each.transport for each in handlers if each.transport is not None]
            await self._runner.cleanup()
            self._runner = None
            for transport in transports:
                transport.abort()  # a TLS connection waits for its client's close_notify before it is closed
            await asyncio.sleep(0)

    def application(self) -> web.Application:
        """The application with all routes."""
        app = web.Application(
            client_max_size=_BODY_LIMIT,
            middlewares=[self._refuse_strangers, self._one_of_two_addresses, _refuse_unreadable_bodies],
        )
        app.add_routes([web.route("*", "/rest/{path:.*}", self._rest)])
        for room in (oauth, control, board):
            app.add_routes(room.routes(self._portal))
        return app

    @web.middleware
    async def _refuse_strangers(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Refuse what a browser sends for a page from elsewhere; see :mod:`.browsers`."""
        settings = self._portal.settings
        names = self._names | {settings.domain.lower(), settings.oauth_host.lower()}
        reason = browsers.refusal(request.method, request.path, request.headers, names)
        if reason is not None:
            return web.json_response({"error": reason}, status=403)
        return await handler(request)

    @web.middleware
    async def _one_of_two_addresses(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Let an authorization server with an address of its own answer there, and nothing else."""
        addresses = self._portal.addresses
        if addresses is not None:
            at_oauth = f"{request.scheme}://{request.host}" == addresses.oauth
            if at_oauth != request.path.startswith("/oauth/token"):
                raise web.HTTPNotFound
        return await handler(request)

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        return await _send(request, await self.rest.handle(await _rest_request(request)))


@web.middleware
async def _refuse_unreadable_bodies(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer a body that is not compressed as its headers say, or not sent in sound chunks."""
    try:
        return await handler(request)
    except web.RequestPayloadError:
        response = web.json_response({"error": "the body cannot be read; check its Content-Encoding"}, status=400)
        response.force_close()  # what is left of the body cannot be skipped
        return response
    except ConnectionResetError:
        return web.Response(status=400)  # never arrives: the client has left while it was sending


def _listen_error(error: OSError, host: str, port: int) -> ListenError:
    if error.errno == errno.EADDRINUSE:
        return PortInUseError(error.errno, f"port {port} on {host} is already in use")
    return ListenError(error.errno, f"cannot listen on {host} port {port}: {error.strerror}")


async def _rest_request(request: web.Request) -> RestRequest:
    raw = request.raw_path
    if not raw.startswith("/"):  # the absolute form, which clients send to a proxy
        raw = request.rel_url.raw_path_qs
    path, _, query = raw.partition("?")
    content_type = request.headers.get("Content-Type", "")
    form = None
    body = b""
    if request.method == "POST":
        if content_type.lower().startswith("multipart/"):
            form = await _multipart(request)
        else:
            body = await request.read()
    return RestRequest(
        http_method=request.method,
        path=path.removeprefix("/rest/"),
        query=query,
        body=body,
        content_type=content_type,
        source=request.remote or "",
        secure=request.secure,
        host=request.host,
        headers={name.lower(): value for name, value in request.headers.items()},
        form=form,
    )


async def _multipart(request: web.Request) -> list[tuple[str, str]]:
    try:
        fields = await request.post()
    except (ValueError, LookupError, RuntimeError, AssertionError, HttpProcessingError):  # aiohttp, at odd parts
        return []  # PHP, too, ignores a body that it cannot parse
    return [(name, value if isinstance(value, str) else "") for name, value in fields.items()]


async def _send(request: web.Request, answer: RestResponse) -> web.StreamResponse:
    headers = {"Content-Type": answer.content_type, **answer.headers}
    if answer.connection == "keep":
        return web.Response(status=answer.status, body=answer.body, headers=headers)
    if answer.connection == "cut_body":
        response = web.StreamResponse(status=answer.status, headers=headers)
        response.content_length = len(answer.body)
        await response.prepare(request)
        await response.write(answer.body[: len(answer.body) // 2])
        close_connection(request)
        return response
    close_connection(request, reset=answer.connection == "reset")
    return web.Response(status=500)  # never arrives: the connection is closed
