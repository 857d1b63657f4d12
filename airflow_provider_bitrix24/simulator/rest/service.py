"""The entry of a REST request: it is recorded, answered, and the response recorded too."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.simulator.portal.request_log import hide_headers
from airflow_provider_bitrix24.simulator.rest import response
from airflow_provider_bitrix24.simulator.rest.front_server import FrontServer
from airflow_provider_bitrix24.simulator.rest.request import RequestContext, RestRequest, parse_path

if TYPE_CHECKING:
    from airflow_provider_bitrix24.simulator.portal import Portal
    from airflow_provider_bitrix24.simulator.rest.response import RestResponse

log = logging.getLogger(__name__)


class RestService:
    """Answers REST requests for a portal."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._front_server = FrontServer(portal, on_crash=self._crashed)
        self.crashes: list[BaseException] = []
        """Exceptions that no client should be able to cause; the client got an empty 500."""

    async def handle(self, request: RestRequest) -> RestResponse:
        """Answer one request; never raises."""
        portal = self._portal
        route = parse_path(request.path)
        recorded = portal.request_log.open(
            moment=portal.clock.now(),
            source=request.source,
            http_method=request.http_method,
            path=route.shown_path,
            method=route.method.lower(),
            headers=hide_headers(request.headers),
            size=request.size,
        )
        try:
            answered = await self._front_server.respond(RequestContext(request, route, recorded))
        except Exception as crash:  # noqa: BLE001 - a bug of the simulator: reported to its user, not to its client
            self._crashed(crash)
            answered = response.empty_500()
        recorded.status, recorded.error = answered.status, answered.error
        recorded.duration = portal.clock.now() - recorded.moment
        portal.request_log.close(recorded)
        return answered

    def abandon(self) -> None:
        """Cancel executions that continue although their requests were cut off."""
        self._front_server.abandon()

    def _crashed(self, crash: BaseException) -> None:
        log.error("The simulator failed", exc_info=crash)
        if crash not in self.crashes:
            self.crashes.append(crash)
