"""What answers before the portal does: redirects, the request limit and faults.

It also ends requests that take too long, while the portal may continue to execute them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from airflow_provider_bitrix24.simulator.portal.faults import Fault, FaultKind
from airflow_provider_bitrix24.simulator.rest import response
from airflow_provider_bitrix24.simulator.rest.dispatch import dispatch

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_bitrix24.simulator.portal import Portal
    from airflow_provider_bitrix24.simulator.rest.request import RequestContext, RestRequest
    from airflow_provider_bitrix24.simulator.rest.response import RestResponse

_NEVER_EXECUTED: Final = frozenset(
    {FaultKind.REFUSE, FaultKind.REDIRECT, FaultKind.EXPIRED_TOKEN, FaultKind.INVALID_TOKEN}
)


class FrontServer:
    """Answers requests itself or lets them through to the portal.

    :param on_crash: is given what an execution raised after its request had been answered.
    """

    def __init__(self, portal: Portal, *, on_crash: Callable[[BaseException], None]) -> None:
        self._portal = portal
        self._on_crash = on_crash
        self._background: set[asyncio.Task[RestResponse]] = set()

    async def respond(self, context: RequestContext) -> RestResponse:
        """Answer one request."""
        portal, settings = self._portal, self._portal.settings
        if (location := self._moved_to(context.request)) is not None:
            return response.redirect(location)
        with portal.lock:
            admitted = portal.limits.admit(context.request.source, portal.clock.now())
        if not admitted:
            return response.too_many_requests(settings)
        context.fault = portal.faults.next_for(context.recorded.method)
        if context.fault is not None:
            context.recorded.fault = f"{context.fault.kind}:{context.fault.when}"
            return await self._respond_with(context.fault, context)
        if settings.execution_after_cut == "continue" and settings.is_cloud and settings.request_seconds:
            return await self._dispatch_within(settings.request_seconds, context)
        return await dispatch(portal, context)

    def abandon(self) -> None:
        """Cancel executions that continue although their requests were cut off."""
        for execution in tuple(self._background):
            execution.cancel()

    def _moved_to(self, request: RestRequest) -> str | None:
        """Where a portal without licence or under another name sends every request."""
        settings = self._portal.settings
        if settings.license_expired:
            return "/bitrix/coupon_activation.php"
        if not settings.renamed_to:
            return None
        query = f"?{request.query}" if request.query else ""
        return f"https://{settings.renamed_to}/rest/{request.path}{query}"

    async def _respond_with(self, fault: Fault, context: RequestContext) -> RestResponse:
        kind = fault.kind
        if kind is FaultKind.COMMAND_ERROR:
            return await dispatch(self._portal, context)
        if kind is FaultKind.DELAY:
            return await self._dispatch_delayed(fault, context)
        if fault.when == "before" or kind in _NEVER_EXECUTED:
            return response.apply_fault(fault, None, self._portal.settings)
        if fault.seconds and kind in (FaultKind.CUT, FaultKind.RESET):
            true_response = await self._dispatch_within(fault.seconds, context)
        else:
            true_response = await dispatch(self._portal, context)
        return response.apply_fault(fault, true_response, self._portal.settings)

    async def _dispatch_delayed(self, fault: Fault, context: RequestContext) -> RestResponse:
        clock = self._portal.clock
        if fault.when == "before":
            await clock.sleep_until(clock.now() + fault.seconds)
            return await dispatch(self._portal, context)
        delayed = await dispatch(self._portal, context)
        await clock.sleep_until(clock.now() + fault.seconds)
        return delayed

    async def _dispatch_within(self, seconds: float, context: RequestContext) -> RestResponse:
        """Execute the request; after `seconds` answer 504 while the execution continues in the background."""
        clock = self._portal.clock
        execution = asyncio.ensure_future(dispatch(self._portal, context))
        self._background.add(execution)
        execution.add_done_callback(self._finished)
        timeout = asyncio.ensure_future(clock.sleep_until(clock.now() + seconds))
        try:
            await asyncio.wait({execution, timeout}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timeout.cancel()
        return execution.result() if execution.done() else response.html_page(504)

    def _finished(self, execution: asyncio.Task[RestResponse]) -> None:
        self._background.discard(execution)
        if not execution.cancelled() and (crash := execution.exception()) is not None:
            self._on_crash(crash)
