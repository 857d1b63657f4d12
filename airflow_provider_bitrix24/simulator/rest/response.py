"""A REST response, and what happens to the connection that carries it."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Literal

from airflow_provider_bitrix24.simulator.errors import RestError
from airflow_provider_bitrix24.simulator.portal.faults import Fault, FaultKind
from airflow_provider_bitrix24.simulator.rest import envelope

if TYPE_CHECKING:
    from airflow_provider_bitrix24.simulator.portal.settings import PortalSettings

_MAINTENANCE: Final = "<html><head><title>Maintenance</title></head><body><h1>We will be back soon</h1></body></html>"
_FRONT_PAGE: Final = (
    "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
_REASONS: Final = {
    403: "403 Forbidden",
    500: "500 Internal Server Error",
    502: "502 Bad Gateway",
    503: "503 Service Temporarily Unavailable",
    504: "504 Gateway Time-out",
}
_COMMON_HEADERS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "origin, content-type, accept",
    "X-Content-Type-Options": "nosniff",
}
_TOO_MANY: Final = RestError("QUERY_LIMIT_EXCEEDED", "Too many requests", status=503)
_FIXED_ERRORS: Final = {
    FaultKind.REFUSE: _TOO_MANY,
    FaultKind.EXPIRED_TOKEN: RestError("expired_token", "The access token provided has expired", status=401),
    FaultKind.INVALID_TOKEN: RestError("invalid_token", "Unable to get application by token", status=401),
}


@dataclass(slots=True)
class RestResponse:
    """One response. Unless `connection` is ``"keep"`` the client does not get all of it."""

    status: int
    body: bytes
    content_type: str = envelope.JSON_TYPE
    headers: dict[str, str] = field(default_factory=dict)
    connection: Literal["keep", "cut", "reset", "cut_body"] = "keep"
    error: str | None = None
    """The body's `error` key, for the request log."""


def render(status: int, body: dict[str, Any], output_format: str) -> RestResponse:
    """An envelope as JSON or XML."""
    if output_format == "xml":
        return RestResponse(status, envelope.to_xml(body), envelope.XML_TYPE, dict(_COMMON_HEADERS))
    return RestResponse(status, envelope.to_json(body), envelope.JSON_TYPE, dict(_COMMON_HEADERS))


def refusal(error: RestError, settings: PortalSettings, output_format: str = "json") -> RestResponse:
    """A REST error."""
    rendered = render(error.status_for(settings.statuses), error.body(), output_format)
    rendered.error = error.code
    return rendered


def too_many_requests(settings: PortalSettings) -> RestResponse:
    """The front server's refusal, which has no Retry-After."""
    return refusal(_TOO_MANY, settings)


def redirect(location: str) -> RestResponse:
    """A 302 with an empty body."""
    return RestResponse(302, b"", envelope.HTML_TYPE, {"Location": location})


def empty_500() -> RestResponse:
    """What the client gets when the portal's own code crashes: an empty 500."""
    return RestResponse(500, b"", envelope.HTML_TYPE)


def html_page(status: int) -> RestResponse:
    """A page of the front server or of a proxy before it."""
    text = _FRONT_PAGE.format(_REASONS.get(status, f"{status} Error")) if status != HTTPStatus.OK else _MAINTENANCE
    return RestResponse(status, text.encode(), envelope.HTML_TYPE)


def apply_fault(fault: Fault, true_response: RestResponse | None, settings: PortalSettings) -> RestResponse:
    """What the client gets instead of the true response.

    :param true_response: the response to an executed request; ``None`` when it was not executed.
    """
    if (fixed := _FIXED_ERRORS.get(fault.kind)) is not None:
        return refusal(fixed, settings)
    match fault.kind:
        case FaultKind.REDIRECT:
            return redirect(fault.location)
        case FaultKind.ERROR:
            return refusal(RestError(fault.code, fault.description, status=fault.status or 500), settings)
        case FaultKind.HTML:
            return html_page(fault.status or 502)
        case FaultKind.EMPTY:
            return RestResponse(fault.status or 200, b"")
        case FaultKind.TRUNCATED | FaultKind.CUT_BODY:
            return _half(fault.kind, true_response)
        case FaultKind.RESET:
            return RestResponse(0, b"", connection="reset")
        case _:
            return RestResponse(0, b"", connection="cut")


def _half(kind: FaultKind, true_response: RestResponse | None) -> RestResponse:
    whole = true_response or RestResponse(200, b'{"result":true,"time":{"start":0,"finish":0,"duration":0}}')
    if kind is FaultKind.CUT_BODY:
        return RestResponse(whole.status, whole.body, whole.content_type, connection="cut_body")
    return RestResponse(whole.status, whole.body[: len(whole.body) // 2], whole.content_type)
