"""A REST request: its path and its parameters, read as the portal reads them."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from airflow_provider_bitrix24.simulator import php

if TYPE_CHECKING:
    from airflow_provider_bitrix24.simulator.portal.faults import Fault
    from airflow_provider_bitrix24.simulator.portal.request_log import RecordedRequest

_MAX_DEPTH: Final = 512
"""PHP reads no JSON that is nested deeper."""
_BRACKETS: Final = re.compile(rb"[\[\]{}]")


@dataclass(frozen=True, slots=True)
class PathCredentials:
    """The user and the secret of a webhook URL."""

    user: str
    secret: str


@dataclass(slots=True, kw_only=True)
class RestRequest:
    """One HTTP request, independent of any server library."""

    http_method: str
    path: str
    """Raw path after ``/rest/``."""
    query: str
    body: bytes
    content_type: str
    source: str
    """The address that it came from; each has a request limit of its own."""
    secure: bool = False
    host: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    """Names in lower case."""
    form: list[tuple[str, str]] | None = None
    """Fields of a multipart body, already parsed by the server."""

    @property
    def size(self) -> int:
        """About as many bytes as were sent."""
        texts = (self.path, self.query, *self.headers, *self.headers.values())
        fields = (len(name) + len(value) for name, value in self.form or ())
        return len(self.body) + sum(map(len, texts)) + sum(fields)


@dataclass(frozen=True, slots=True)
class Route:
    """What a path names."""

    method: str
    output_format: str
    """``"json"`` or ``"xml"``."""
    credentials: PathCredentials | None
    is_v3: bool = False

    @property
    def shown_path(self) -> str:
        """The path without its secret."""
        base = "/rest/api/" if self.is_v3 else "/rest/"
        user = f"{self.credentials.user}/***/" if self.credentials else ""
        return f"{base}{user}{self.method}"


@dataclass(slots=True)
class RequestContext:
    """A request on its way through the portal."""

    request: RestRequest
    route: Route
    recorded: RecordedRequest
    fault: Fault | None = None


def parse_path(path: str) -> Route:
    """What the path after ``/rest/`` names."""
    parts = [unquote(part) for part in path.strip("/").split("/")]
    is_v3 = parts[0] == "api" and len(parts) > 1
    if is_v3:
        parts = parts[1:]
    credentials = None
    if len(parts) > 1:
        credentials = PathCredentials(parts[0], parts[1])
        parts = parts[2:] or [""]
    method, output_format = "/".join(parts), "json"
    for suffix in ("json", "xml"):
        if method.lower().endswith(f".{suffix}"):
            method, output_format = method[: -len(suffix) - 1], suffix
    return Route(method, output_format, credentials, is_v3)


def parse_parameters(request: RestRequest) -> dict[str, Any]:
    """The parameters of a request: those of the body override those of the query.

    JSON is read only with a JSON content type; JSON that is malformed, or neither object nor array, is silently
    ignored. A body without content type is read as a form. The body of a GET is not read.
    """
    params = php.parse_query(request.query)
    if request.http_method != "POST":
        return params
    if request.form is not None:
        params.update(php.register_variables(request.form))
        return params
    if not request.body:
        return params
    content_type = request.content_type.partition(";")[0].strip().lower()
    if content_type == "application/json" or "+json" in content_type:
        params.update(_json_object(request.body))
    elif content_type in ("", "application/x-www-form-urlencoded"):
        params.update(php.parse_query(request.body.decode("utf-8", "replace").strip()))
    return params


def _json_object(body: bytes) -> dict[str, Any]:
    if _depth(body) > _MAX_DEPTH:
        return {}
    try:
        data = json.loads(body, parse_constant=_refused, parse_float=_number)
    except (ValueError, RecursionError):
        return {}
    return dict(php.array_items(data))


def _depth(body: bytes) -> int:
    """How deep the brackets of a text are nested at most, those inside of texts counted, too."""
    if body.count(b"[") + body.count(b"{") <= _MAX_DEPTH:
        return 0
    depth = deepest = 0
    for bracket in _BRACKETS.findall(body):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _number(text: str) -> float | str:
    """A number; one that is too large is infinite in PHP, which becomes this text when it is stored."""
    number = float(text)
    return number if math.isfinite(number) else "INF"


def _refused(name: str) -> float:
    """NaN and Infinity, which Python reads, are not JSON."""
    raise ValueError(name)
