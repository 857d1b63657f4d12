"""The portal on a socket: aiohttp's server in front of :class:`.rest.RestService`.

Translates HTTP to :class:`.bodies.RestRequest` and back, and does to connections what faults ask for. What
a request means is none of its business.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from typing import TYPE_CHECKING, Final

from aiohttp import web

from airflow_provider_bitrix24.simulator.board.page import Board
from airflow_provider_bitrix24.simulator.control import openapi
from airflow_provider_bitrix24.simulator.control.api import ControlApi
from airflow_provider_bitrix24.simulator.oauth.pages import OAuthPages
from airflow_provider_bitrix24.simulator.rest.request import RestRequest
from airflow_provider_bitrix24.simulator.rest.service import RestService

if TYPE_CHECKING:
    import ssl

    from airflow_provider_bitrix24.simulator.portal import Portal
    from airflow_provider_bitrix24.simulator.rest.response import RestReply

DEFAULT_PORT: Final = 8024
LOOPBACK: Final = "127.0.0.1"
_BODY_LIMIT: Final = 64 * 1024 * 1024
_STOP_SECONDS: Final = 0.05
_BACKLOG: Final = 1024
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class ListenError(OSError):
    """The address that was asked for cannot be listened on."""


class PortInUseError(ListenError):
    """Another program listens on the port that was asked for."""


class PortalServer:
    """Serves one portal; :meth:`start` and :meth:`stop` belong to one event loop."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal
        self.rest = RestService(portal)
        self._runner: web.AppRunner | None = None

    async def start(self, host: str = LOOPBACK, port: int = 0, tls: ssl.SSLContext | None = None) -> int:
        """Listen, and return the port.

        :raises PortInUseError: when somebody else listens there.
        :raises ListenError: when the address is not ours, or the port not for us.
        """
        runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=_STOP_SECONDS)
        await runner.setup()
        site = web.TCPSite(runner, host, port, ssl_context=tls, backlog=_BACKLOG, reuse_address=True)
        try:
            await site.start()
        except OSError as error:
            await runner.cleanup()
            raise _listen_error(error, host, port) from None
        self._runner = runner
        bound: int = runner.addresses[0][1]
        return bound

    async def stop(self) -> None:
        """Close the socket and every connection, and give up what is still being worked on."""
        self.rest.abandon()
        if self._runner is not None:
            handlers = self._runner.server.connections if self._runner.server else []
            transports = [each.transport for each in handlers if each.transport is not None]
            await self._runner.cleanup()
            self._runner = None
            for transport in transports:
                transport.abort()  # closed is what a TLS connection is only after its client has said goodbye
            await asyncio.sleep(0)

    def _application(self) -> web.Application:
        app = web.Application(client_max_size=_BODY_LIMIT)
        app.add_routes([web.route("*", "/rest/{path:.*}", self._rest)])
        app.add_routes(OAuthPages(self.portal).routes())
        app.add_routes(ControlApi(self.portal).routes())
        app.add_routes(Board(self.portal).routes())
        app.add_routes(openapi.routes())
        return app

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        reply = await self.rest.handle(await _translate(request))
        return await _send(request, reply)


def _listen_error(error: OSError, host: str, port: int) -> ListenError:
    if error.errno == errno.EADDRINUSE:
        return PortInUseError(error.errno, f"port {port} on {host} is already in use")
    return ListenError(error.errno, f"cannot listen on {host} port {port}: {error.strerror}")


async def _translate(request: web.Request) -> RestRequest:
    raw = request.raw_path
    if not raw.startswith("/"):  # the absolute form, as clients behind a proxy write it
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
        request.method,
        path.removeprefix("/rest/"),
        query,
        body,
        content_type,
        request.remote or "",
        request.secure,
        request.host,
        {name.lower(): value for name, value in request.headers.items()},
        form,
    )


async def _multipart(request: web.Request) -> list[tuple[str, str]]:
    try:
        fields = await request.post()
    except ValueError:
        return []  # PHP too goes on without the fields of a body that it cannot take apart
    return [(name, value if isinstance(value, str) else "") for name, value in fields.items()]


async def _send(request: web.Request, reply: RestReply) -> web.StreamResponse:
    headers = {"Content-Type": reply.content_type, **reply.headers}
    if reply.connection == "keep":
        return web.Response(status=reply.status, body=reply.body, headers=headers)
    if reply.connection == "cut_body":
        response = web.StreamResponse(status=reply.status, headers=headers)
        response.content_length = len(reply.body)
        await response.prepare(request)
        await response.write(reply.body[: len(reply.body) // 2])
        _close(request)
        return response
    _close(request, reset=reply.connection == "reset")
    return web.Response(status=500)  # never arrives: there is no connection any more


def _close(request: web.Request, *, reset: bool = False) -> None:
    transport = request.transport
    if transport is None:
        return
    if reset:
        connection = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
    else:
        transport.close()
