"""``/oauth/authorize/`` and ``/oauth/token/``, on the simulator's own address or on two."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from airflow_provider_bitrix24.simulator import php
from airflow_provider_bitrix24.simulator.connections import close_connection
from airflow_provider_bitrix24.simulator.oauth import authorization
from airflow_provider_bitrix24.simulator.oauth.authorization import OAuthResponse
from airflow_provider_bitrix24.simulator.portal.faults import TOKEN_REQUEST, Fault, FaultKind

if TYPE_CHECKING:
    from airflow_provider_bitrix24.simulator.portal import Portal

_NOT_INSTALLED: Final = (
    "<html><body><h1>Application not found</h1><p>It is not installed on this portal.</p></body></html>"
)
_CODE_PAGE: Final = (
    "<html><body><h1>Authorization code</h1><p>Enter this code in the application; it is valid for 30 seconds.</p>"
    "<p><code>{}</code></p></body></html>"
)
_ERROR_PAGE: Final = "<html><body><center><h1>{} Error</h1></center><hr><center>nginx</center></body></html>"
_SECRETS: Final = frozenset({"client_secret", "code", "refresh_token"})
_HTTP_OK: Final = 200


class OAuthPages:
    """The two pages of the OAuth protocol."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def routes(self) -> list[web.RouteDef]:
        """The routes, each with and without a trailing slash."""
        return [
            web.route(method, path, handler)
            for path, handler, methods in (
                ("/oauth/authorize", self.authorize, ("GET",)),
                ("/oauth/authorize/", self.authorize, ("GET",)),
                ("/oauth/token", self.token, ("GET", "POST")),
                ("/oauth/token/", self.token, ("GET", "POST")),
            )
            for method in methods
        ]

    async def authorize(self, request: web.Request) -> web.Response:
        """Redirect the browser with a code, or show the code; the simulator's user always consents."""
        consent = authorization.authorize(self._portal, php.parse_query(request.query_string), request.host)
        if consent is None:
            return web.Response(text=_NOT_INSTALLED, content_type="text/html")
        if not consent.location:
            return web.Response(text=_CODE_PAGE.format(escape(consent.code)), content_type="text/html")
        return web.Response(status=302, headers={"Location": consent.location})

    async def token(self, request: web.Request) -> web.StreamResponse:
        """Exchange a code or a refresh token for a pair of tokens."""
        portal = self._portal
        params: dict[str, Any] = php.parse_query(request.query_string)
        if request.method == "POST":
            params.update(php.parse_query((await request.read()).decode("utf-8", "replace")))
        if not _SECRETS.isdisjoint(request.query):
            portal.tokens.secrets_in_url += 1
        fault = portal.faults.next_for(TOKEN_REQUEST)
        if fault is not None and fault.kind is FaultKind.DELAY:
            return await self._late(params, request, fault)
        if fault is None:
            return _json(self._answer(params, request))
        return await _failing(request, fault, self._answer(params, request) if fault.when == "after" else None)

    def _answer(self, params: dict[str, Any], request: web.Request) -> OAuthResponse:
        with self._portal.lock:
            return authorization.token(self._portal, params, f"{request.scheme}://{request.host}")

    async def _late(self, params: dict[str, Any], request: web.Request, fault: Fault) -> web.Response:
        clock = self._portal.clock
        answer = self._answer(params, request) if fault.when == "after" else None
        await clock.sleep_until(clock.now() + fault.seconds)
        return _json(answer or self._answer(params, request))


async def _failing(request: web.Request, fault: Fault, true_answer: OAuthResponse | None) -> web.StreamResponse:
    """What the client gets instead of the true answer, ``None`` where the request was not executed."""
    match fault.kind:
        case FaultKind.ERROR:
            status = fault.status or 500
            return _json(OAuthResponse(status, {"error": fault.code, "error_description": fault.description}))
        case FaultKind.HTML:
            status = fault.status or 502
            return web.Response(status=status, text=_ERROR_PAGE.format(status), content_type="text/html")
        case FaultKind.EMPTY:
            return web.Response(status=fault.status or _HTTP_OK)
        case FaultKind.REDIRECT:
            return web.Response(status=302, headers={"Location": fault.location})
        case FaultKind.TRUNCATED | FaultKind.CUT_BODY:
            return await _half(request, fault.kind, true_answer or OAuthResponse(_HTTP_OK, {"access_token": "x" * 70}))
    close_connection(request, reset=fault.kind is FaultKind.RESET)
    return web.Response(status=500)  # never arrives: the connection is closed


async def _half(request: web.Request, kind: FaultKind, answer: OAuthResponse) -> web.StreamResponse:
    body = json.dumps(answer.body).encode()
    if kind is FaultKind.TRUNCATED:
        return web.Response(status=answer.status, body=body[: len(body) // 2], content_type="application/json")
    response = web.StreamResponse(status=answer.status, headers={"Content-Type": "application/json"})
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    close_connection(request)
    return response


def _json(answer: OAuthResponse) -> web.Response:
    return web.json_response(answer.body, status=answer.status)
