"""One REST request from end to end, in the portal's own order of checks; no HTTP library here.

Front server (moved portal, request limit, faults), then the portal: closed? method known? link signature?
credentials, operating time, the method itself.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_bitrix24.simulator import php
from airflow_provider_bitrix24.simulator.errors import (
    PhpFatalError,
    RestError,
    access_denied,
    method_not_found,
    v3_method_not_found,
)
from airflow_provider_bitrix24.simulator.portal.faults import Fault, FaultKind
from airflow_provider_bitrix24.simulator.portal.limits import OperatingUsage
from airflow_provider_bitrix24.simulator.portal.request_log import hide_headers, hide_secrets
from airflow_provider_bitrix24.simulator.rest import envelope, methods, response
from airflow_provider_bitrix24.simulator.rest.auth import authenticate
from airflow_provider_bitrix24.simulator.rest.batch import operation_time_limit, run_batch
from airflow_provider_bitrix24.simulator.rest.execution import Execution, ProcessDiedError, RequestCutError
from airflow_provider_bitrix24.simulator.rest.methods.registry import Call, find
from airflow_provider_bitrix24.simulator.rest.request import RestRequest, Route, parameters, route

if TYPE_CHECKING:
    from airflow_provider_bitrix24.simulator.portal import Portal
    from airflow_provider_bitrix24.simulator.portal.request_log import RecordedRequest
    from airflow_provider_bitrix24.simulator.rest.methods.registry import Identity, Method
    from airflow_provider_bitrix24.simulator.rest.response import RestReply

__all__ = ["RestService", "methods"]

log = logging.getLogger(__name__)

_NEVER_EXECUTED: Final = frozenset(
    {FaultKind.REFUSE, FaultKind.REDIRECT, FaultKind.EXPIRED_TOKEN, FaultKind.INVALID_TOKEN}
)


@dataclass(slots=True)
class _Job:
    """A request on its way through the portal."""

    request: RestRequest
    where: Route
    recorded: RecordedRequest
    fault: Fault | None = None


class RestService:
    """Answers REST requests for a portal."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal
        self.crashes: list[BaseException] = []
        """Exceptions that no client should have been able to cause; the client saw an empty 500."""
        self._background: set[asyncio.Task[RestReply]] = set()

    async def handle(self, request: RestRequest) -> RestReply:
        """Answer one request; never raises."""
        portal = self.portal
        where = route(request.path)
        recorded = portal.request_log.open(
            moment=portal.clock.now(),
            source=request.source,
            http_method=request.http_method,
            path=where.shown_path,
            headers=hide_headers(request.headers),
        )
        recorded.method = where.method.lower()
        try:
            reply = await self._front(_Job(request, where, recorded))
        except Exception as crash:  # noqa: BLE001  # a fault of the simulator: shown to its user, not to its client
            self._crashed(crash)
            reply = response.empty_500()
        recorded.status, recorded.error = reply.status, reply.error
        recorded.duration = portal.clock.now() - recorded.moment
        portal.request_log.close(recorded)
        return reply

    def abandon(self) -> None:
        """Give up executions that go on behind requests that were cut."""
        for execution in tuple(self._background):
            execution.cancel()

    async def _front(self, job: _Job) -> RestReply:
        portal, settings = self.portal, self.portal.settings
        if settings.license_expired:
            return response.redirect("/bitrix/coupon_activation.php")
        if settings.renamed_to:
            query = f"?{job.request.query}" if job.request.query else ""
            return response.redirect(f"https://{settings.renamed_to}/rest/{job.request.path}{query}")
        with portal.lock:
            admitted = portal.limits.admit(job.request.source, portal.clock.now())
        if not admitted:
            return response.too_many_requests(settings)
        job.fault = portal.faults.next_for(job.recorded.method)
        if job.fault is not None:
            job.recorded.fault = f"{job.fault.kind}:{job.fault.when}"
            return await self._faulty(job, job.fault)
        if settings.execution_after_cut == "continue" and settings.is_cloud and settings.request_seconds:
            return await self._execute_within(job, settings.request_seconds)
        return await self._execute(job)

    async def _faulty(self, job: _Job, fault: Fault) -> RestReply:
        kind = fault.kind
        if kind is FaultKind.COMMAND_ERROR:
            return await self._execute(job)
        if kind is FaultKind.DELAY:
            return await self._delayed(job, fault)
        if fault.when == "before" or kind in _NEVER_EXECUTED:
            return response.apply_fault(fault, None, self.portal.settings)
        if fault.seconds and kind in (FaultKind.CUT, FaultKind.RESET):
            reply = await self._execute_within(job, fault.seconds)
        else:
            reply = await self._execute(job)
        return response.apply_fault(fault, reply, self.portal.settings)

    async def _delayed(self, job: _Job, fault: Fault) -> RestReply:
        clock = self.portal.clock
        if fault.when == "before":
            await clock.sleep_until(clock.now() + fault.seconds)
            return await self._execute(job)
        reply = await self._execute(job)
        await clock.sleep_until(clock.now() + fault.seconds)
        return reply

    async def _execute_within(self, job: _Job, seconds: float) -> RestReply:
        """Execute, and answer 504 after `seconds` while the execution goes on in the background."""
        clock = self.portal.clock
        execution = asyncio.ensure_future(self._execute(job))
        self._background.add(execution)
        execution.add_done_callback(self._finished)
        patience = asyncio.ensure_future(clock.sleep_until(clock.now() + seconds))
        await asyncio.wait({execution, patience}, return_when=asyncio.FIRST_COMPLETED)
        patience.cancel()
        return execution.result() if execution.done() else response.html_page(504)

    def _finished(self, execution: asyncio.Task[RestReply]) -> None:
        self._background.discard(execution)
        if not execution.cancelled() and (crash := execution.exception()) is not None:
            self._crashed(crash)

    def _crashed(self, crash: BaseException) -> None:
        log.error("The simulator failed", exc_info=crash)
        if crash not in self.crashes:
            self.crashes.append(crash)

    async def _execute(self, job: _Job) -> RestReply:
        """Let the portal itself answer."""
        try:
            return await self._checked(job)
        except RestError as error:
            return response.refusal(error, self.portal.settings, job.where.transport)
        except PhpFatalError:
            return response.empty_500()
        except RequestCutError:
            return response.html_page(504)
        except ProcessDiedError:
            return response.html_page(502)

    async def _checked(self, job: _Job) -> RestReply:
        portal, where = self.portal, job.where
        params = parameters(job.request)
        job.recorded.params = hide_secrets(params)
        if portal.settings.is_closed:
            raise RestError("PORTAL_DELETED", "Portal was deleted", status=403)
        if where.is_v3:
            raise v3_method_not_found(where.method)
        method = find(where.method)
        if method is None:
            raise method_not_found()
        if params.get("token") is not None:
            raise access_denied("Link check failed")
        params.pop("state", None)
        identity = authenticate(portal, method, where.credentials, params, job.request)
        execution = Execution(portal, OperatingUsage(portal.operating, identity.credential))
        if execution.usage.blocked(method.name, execution.started):
            raise operation_time_limit()
        try:
            return await self._performed(job, execution, method, identity, params)
        finally:
            execution.usage.finish(execution.moment)

    async def _performed(
        self, job: _Job, execution: Execution, method: Method, identity: Identity, params: dict[str, Any]
    ) -> RestReply:
        portal = self.portal
        await execution.spend(portal.latency.request_seconds)
        begun = execution.moment
        if method.name == "batch":
            result = await run_batch(execution, identity, params, job.fault)
            job.recorded.commands = len(result["result"]) + len(result["result_error"])
            body: dict[str, Any] = {"result": result}
        else:
            start = php.to_int(params.pop("start", 0))
            answer = await execution.perform(method, Call(portal, identity, params, start))
            body = answer.as_envelope()
        if "error" in body:
            return response.rendered(200, body, job.where.transport)
        processing = execution.moment - begun
        body["time"] = envelope.time_object(execution, method.name, execution.started, portal.clock.now(), processing)
        reply = response.rendered(200, body, job.where.transport)
        if portal.settings.is_cloud:
            reply.headers["X-Bitrix-Rest-Time"] = f"{processing:.10f}"
            if identity.client_id:
                reply.headers["X-Bitrix-Rest-Application"] = identity.client_id
        return reply
