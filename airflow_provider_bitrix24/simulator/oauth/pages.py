"""``/oauth/authorize/`` and ``/oauth/token/`` on the simulator's own address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from airflow_provider_bitrix24.simulator import php
from airflow_provider_bitrix24.simulator.oauth import authorization

if TYPE_CHECKING:
    from airflow_provider_bitrix24.simulator.portal import Portal

_NOT_INSTALLED = "<html><body><h1>Application not found</h1><p>It is not installed on this portal.</p></body></html>"


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
        """Redirect the browser to the application with a code; the simulator's user always consents."""
        location = authorization.authorize(self._portal, php.parse_query(request.query_string), request.host)
        if location is None:
            return web.Response(text=_NOT_INSTALLED, content_type="text/html")
        return web.Response(status=302, headers={"Location": location})

    async def token(self, request: web.Request) -> web.Response:
        """Exchange a code or a refresh token for a pair of tokens."""
        params: dict[str, Any] = php.parse_query(request.query_string)
        if request.method == "POST":
            params.update(php.parse_query((await request.read()).decode("utf-8", "replace")))
        with self._portal.lock:
            answer = authorization.token(self._portal, params, f"{request.scheme}://{request.host}")
        return web.json_response(answer.body, status=answer.status)
