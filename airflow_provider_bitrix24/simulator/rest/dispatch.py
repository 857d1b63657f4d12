"""The portal's own checks of a request, in the portal's order, and then the method.

Is the portal closed? Is the method known? Is the link signed? Who calls? Has the method operating time left?
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.simulator import php
from airflow_provider_bitrix24.simulator.errors import (
    PhpFatalError,
    RestError,
    access_denied,
    method_not_found,
    operation_time_limit,
    v3_method_not_found,
)
from airflow_provider_bitrix24.simulator.portal.limits import OperatingUsage
from airflow_provider_bitrix24.simulator.portal.request_log import hide_secrets
from airflow_provider_bitrix24.simulator.rest import envelope, response
from airflow_provider_bitrix24.simulator.rest.auth import authenticate
from airflow_provider_bitrix24.simulator.rest.batch import run_batch
from airflow_provider_bitrix24.simulator.rest.execution import Execution, ProcessDiedError, RequestCutError
from airflow_provider_bitrix24.simulator.rest.methods import BatchMethod, Call, find
from airflow_provider_bitrix24.simulator.rest.request import parse_parameters

if TYPE_CHECKING:
    from airflow_provider_bitrix24.simulator.portal import Portal
    from airflow_provider_bitrix24.simulator.rest.methods import Identity, Method
    from airflow_provider_bitrix24.simulator.rest.request import RequestContext
    from airflow_provider_bitrix24.simulator.rest.response import RestResponse


async def dispatch(portal: Portal, context: RequestContext) -> RestResponse:
    """Let the portal answer a request that has passed the front server."""
    try:
        return await _check_and_execute(portal, context)
    except RestError as error:
        return response.refusal(error, portal.settings, context.route.output_format)
    except PhpFatalError:
        return response.empty_500()
    except RequestCutError:
        return response.html_page(504)
    except ProcessDiedError:
        return response.html_page(502)


async def _check_and_execute(portal: Portal, context: RequestContext) -> RestResponse:
    route = context.route
    params = parse_parameters(context.request)
    context.recorded.params = hide_secrets(params)
    if portal.settings.is_closed:
        raise RestError("PORTAL_DELETED", "Portal was deleted", status=403)
    if route.is_v3:
        raise v3_method_not_found(route.method)
    method = find(route.method, portal.settings)
    if method is None:
        raise method_not_found()
    if params.get("token") is not None:
        raise access_denied("Link check failed")
    params.pop("state", None)
    identity = authenticate(portal, method, route.credentials, params, context.request)
    execution = Execution(portal, OperatingUsage(portal.operating, identity.credential, method.name))
    if execution.usage.blocked(method.name, execution.started):
        raise operation_time_limit()
    try:
        return await _execute(execution, context, method, identity, params)
    finally:
        execution.usage.finish(execution.moment)


async def _execute(
    execution: Execution,
    context: RequestContext,
    method: Method | BatchMethod,
    identity: Identity,
    params: dict[str, Any],
) -> RestResponse:
    portal = execution.portal
    await execution.spend(portal.latency.request_seconds)
    begun = execution.moment
    if isinstance(method, BatchMethod):
        try:
            result = await run_batch(execution, identity, params, context.fault, context.recorded.answers)
        finally:
            execution.usage.spend_batch(execution.elapsed)
        context.recorded.commands = len(result["result"]) + len(result["result_error"])
        body: dict[str, Any] = {"result": result}
    else:
        start = php.to_int(params.pop("start", 0))
        body = (await execution.perform(method, Call(portal, identity, params, start))).as_envelope()
    output_format = context.route.output_format
    if "error" in body:
        return response.render(200, body, output_format)
    processing = execution.moment - begun
    body["time"] = envelope.time_object(execution, method.name, execution.started, portal.clock.now(), processing)
    rendered = response.render(200, body, output_format)
    if portal.settings.is_cloud:
        rendered.headers["X-Bitrix-Rest-Time"] = f"{processing:.10f}"
        rendered.headers["X-Bitrix-Rest-User-Time"] = f"{processing:.10f}"
        rendered.headers["X-Bitrix-Rest-System-Time"] = f"{0:.10f}"
        if identity.client_id:
            rendered.headers["X-Bitrix-Rest-Application"] = identity.client_id
    return rendered
