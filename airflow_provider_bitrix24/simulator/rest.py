"""One REST request from end to end, in the portal's own order of checks; no HTTP library here.

Front server (moved portal, request limit, faults), then the portal: closed? method known? link signature?
credentials, operating time, the method itself.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from . import envelope, methods, php
from .auth import authenticate
from .batch import operation_time_limit, run_batch
from .bodies import RestRequest, Route, parameters, route
from .errors import PhpFatalError, RestError, access_denied, method_not_found
from .faults import Fault, FaultKind
from .journal import hide_secrets
from .limits import Hit
from .methods.registry import Call, find
from .work import ProcessDiedError, RequestCutError, Work

if TYPE_CHECKING:
    from .journal import SeenRequest
    from .methods.registry import Identity, Method
    from .portal import Portal

__all__ = ["RestReply", "RestService", "methods"]

log = logging.getLogger(__name__)

_PAGES: Final = {
    200: "<html><head><title>Maintenance</title></head><body><h1>We will be back soon</h1></body></html>",
    403: "<html><head><title>403 Forbidden</title></head><body><center><h1>403 Forbidden</h1></center></body></html>",
}
_GATEWAY: Final = (
    "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
_REASONS: Final = {500: "500 Internal Server Error", 502: "502 Bad Gateway", 503: "503 Service Temporarily Unavailable"}
_COMMON_HEADERS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "origin, content-type, accept",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(slots=True)
class RestReply:
    """What the server sends, and what it does to the connection."""

    status: int
    body: bytes
    content_type: str = envelope.JSON_TYPE
    headers: dict[str, str] = field(default_factory=dict)
    connection: Literal["keep", "cut", "reset", "cut_body"] = "keep"
    error: str | None = None


def html_page(status: int) -> RestReply:
    """Return a page of the front server, or of whoever stands in the way."""
    text = _PAGES.get(status) or _GATEWAY.format(_REASONS.get(status, f"{status} Gateway Time-out"))
    return RestReply(status, text.encode(), envelope.HTML_TYPE)


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
        seen = portal.journal.open(
            moment=portal.clock.now(),
            source=request.source,
            http_method=request.http_method,
            path=where.shown_path,
            headers=request.headers,
        )
        seen.method = where.method.lower()
        try:
            reply = await self._answer(request, where, seen)
        except Exception as crash:
            log.exception("The simulator failed on %s", where.shown_path)
            self.crashes.append(crash)
            reply = RestReply(500, b"", envelope.HTML_TYPE)
        seen.status, seen.error = reply.status, reply.error
        seen.duration = portal.clock.now() - seen.moment
        portal.journal.close(seen)
        return reply

    def abandon(self) -> None:
        """Give up executions that go on behind requests that were cut."""
        for execution in tuple(self._background):
            execution.cancel()

    async def _answer(self, request: RestRequest, where: Route, seen: SeenRequest) -> RestReply:
        portal = self.portal
        if (moved := self._moved(request)) is not None:
            return moved
        with portal.lock:
            admitted = portal.limits.admit(request.source, portal.clock.now())
        if not admitted:
            return self._refused(RestError("QUERY_LIMIT_EXCEEDED", "Too many requests", status=503), "json")
        fault = portal.faults.next_for(seen.method)
        if fault is None:
            if portal.settings.execution_after_cut == "continue" and portal.settings.is_cloud:
                return await self._answer_within(request, where, seen, None, portal.settings.request_seconds)
            return await self._execute(request, where, seen, None)
        seen.fault = f"{fault.kind}:{fault.when}"
        return await self._answer_with(fault, request, where, seen)

    def _moved(self, request: RestRequest) -> RestReply | None:
        settings = self.portal.settings
        if settings.license_expired:
            return RestReply(302, b"", envelope.HTML_TYPE, {"Location": "/bitrix/coupon_activation.php"})
        if settings.renamed_to:
            path = f"/rest/{request.path}" + (f"?{request.query}" if request.query else "")
            return RestReply(302, b"", envelope.HTML_TYPE, {"Location": f"https://{settings.renamed_to}{path}"})
        return None

    # Faults

    async def _answer_with(
        self, fault: Fault, request: RestRequest, where: Route, seen: SeenRequest
    ) -> RestReply:
        kind = fault.kind
        if kind is FaultKind.COMMAND_ERROR:
            return await self._execute(request, where, seen, fault)
        if kind is FaultKind.DELAY and fault.when == "before":
            await self._pause(fault.seconds)
            return await self._execute(request, where, seen, None)
        if fault.when == "before" or kind in _NEVER_EXECUTED:
            return self._faulty(fault, None)
        if fault.seconds and kind in (FaultKind.CUT, FaultKind.RESET):
            reply = await self._answer_within(request, where, seen, fault, fault.seconds)
        else:
            reply = await self._execute(request, where, seen, fault)
        if kind is FaultKind.DELAY:
            await self._pause(fault.seconds)
            return reply
        return self._faulty(fault, reply)

    async def _pause(self, seconds: float) -> None:
        await self.portal.clock.sleep_until(self.portal.clock.now() + seconds)

    def _faulty(self, fault: Fault, reply: RestReply | None) -> RestReply:
        """Return what the client gets instead of `reply` (``None``: instead of any execution)."""
        match fault.kind:
            case FaultKind.REFUSE:
                return self._refused(RestError("QUERY_LIMIT_EXCEEDED", "Too many requests", status=503), "json")
            case FaultKind.EXPIRED_TOKEN:
                refusal = RestError("expired_token", "The access token provided has expired", status=401)
                return self._refused(refusal, "json")
            case FaultKind.INVALID_TOKEN:
                refusal = RestError("invalid_token", "Unable to get application by token", status=401)
                return self._refused(refusal, "json")
            case FaultKind.REDIRECT:
                return RestReply(302, b"", envelope.HTML_TYPE, {"Location": fault.location})
            case FaultKind.ERROR:
                return self._refused(RestError(fault.code, fault.description, status=fault.status or 500), "json")
            case FaultKind.HTML:
                return html_page(fault.status or 502)
            case FaultKind.EMPTY:
                return RestReply(fault.status or 200, b"", envelope.JSON_TYPE)
        whole = reply or RestReply(200, envelope.to_json({"result": True, "time": {"start": 0, "finish": 0}}))
        match fault.kind:
            case FaultKind.TRUNCATED:
                return RestReply(whole.status, whole.body[: len(whole.body) // 2], whole.content_type)
            case FaultKind.CUT_BODY:
                return RestReply(whole.status, whole.body, whole.content_type, connection="cut_body")
            case FaultKind.RESET:
                return RestReply(0, b"", connection="reset")
            case _:
                return RestReply(0, b"", connection="cut")

    async def _answer_within(
        self, request: RestRequest, where: Route, seen: SeenRequest, fault: Fault | None, seconds: float | None
    ) -> RestReply:
        """Answer 504 after `seconds` while the execution goes on in the background."""
        clock = self.portal.clock
        execution = asyncio.ensure_future(self._execute(request, where, seen, fault))
        if seconds is None:
            return await execution
        self._background.add(execution)
        execution.add_done_callback(self._finished)
        patience = asyncio.ensure_future(clock.sleep_until(clock.now() + seconds))
        await asyncio.wait({execution, patience}, return_when=asyncio.FIRST_COMPLETED)
        patience.cancel()
        return execution.result() if execution.done() else html_page(504)

    def _finished(self, execution: asyncio.Task[RestReply]) -> None:
        self._background.discard(execution)
        if not execution.cancelled() and (crash := execution.exception()) is not None:
            log.error("The simulator failed behind a request that was cut", exc_info=crash)
            self.crashes.append(crash)

    # The portal itself

    async def _execute(
        self, request: RestRequest, where: Route, seen: SeenRequest, fault: Fault | None
    ) -> RestReply:
        try:
            return await self._run(request, where, seen, fault)
        except RestError as error:
            return self._refused(error, where.transport)
        except PhpFatalError:
            return RestReply(500, b"", envelope.HTML_TYPE)
        except RequestCutError:
            return html_page(504)
        except ProcessDiedError:
            return html_page(502)

    async def _run(self, request: RestRequest, where: Route, seen: SeenRequest, fault: Fault | None) -> RestReply:
        portal = self.portal
        params = parameters(request)
        seen.params = hide_secrets(params)
        if portal.settings.is_closed:
            raise RestError("PORTAL_DELETED", "Portal was deleted", status=403)
        method = find(where.method)
        if method is None:
            raise method_not_found()
        if params.get("token") is not None:
            raise access_denied("Link check failed")
        params.pop("state", None)
        identity = authenticate(portal, method, where.credentials, params, secure=request.secure)
        hit = Hit(portal.operating, identity.credential)
        work = Work(portal, hit)
        if hit.blocked(method.name, work.started):
            raise operation_time_limit()
        try:
            return await self._work(work, method, identity, params, where.transport, fault, seen)
        finally:
            hit.finish(work.moment)

    async def _work(
        self,
        work: Work,
        method: Method,
        identity: Identity,
        params: dict[str, Any],
        transport: str,
        fault: Fault | None,
        seen: SeenRequest,
    ) -> RestReply:
        portal = self.portal
        await work.spend(portal.latency.request_seconds)
        begun = work.moment
        body: dict[str, Any]
        if method.name == "batch":
            result = await run_batch(work, identity, params, fault)
            seen.commands = len(result["result"]) + len(result["result_error"])
            body = {"result": result}
        else:
            start = php.to_int(params.pop("start", 0))
            answer = await work.perform(method, Call(portal, identity, params, start))
            body = {"result": answer.result}
            if answer.next is not None:
                body["next"] = answer.next
            if answer.total is not None:
                body["total"] = answer.total
        clock = portal.clock
        finished = clock.now()
        processing = work.moment - begun
        body["time"] = envelope.time_object(
            portal.settings, clock, work.started, finished, processing, work.hit, method.name
        )
        reply = self._render(200, body, transport)
        if portal.settings.is_cloud:
            reply.headers["X-Bitrix-Rest-Time"] = f"{processing:.10f}"
            if identity.client_id:
                reply.headers["X-Bitrix-Rest-Application"] = identity.client_id
        return reply

    def _refused(self, error: RestError, transport: str) -> RestReply:
        reply = self._render(error.status_for(self.portal.settings.statuses), error.body(), transport)
        reply.error = error.code
        return reply

    @staticmethod
    def _render(status: int, body: dict[str, Any], transport: str) -> RestReply:
        if transport == "xml":
            return RestReply(status, envelope.to_xml(body), envelope.XML_TYPE, dict(_COMMON_HEADERS))
        return RestReply(status, envelope.to_json(body), envelope.JSON_TYPE, dict(_COMMON_HEADERS))


_NEVER_EXECUTED: Final = frozenset(
    {FaultKind.REFUSE, FaultKind.REDIRECT, FaultKind.EXPIRED_TOKEN, FaultKind.INVALID_TOKEN}
)
