"""The REST envelope: turns calls into requests, and answers into replies. Pure.

Which answer is which error is decided in :mod:`.error_codes`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from airflow_provider_bitrix24 import __version__
from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.plain import PLAIN_VALUES, plain_params, unwrapped
from airflow_provider_bitrix24.client.secret_text import SecretBytes
from airflow_provider_bitrix24.client.values import WINDOW, number, whole

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.portal import Portal

FiringMethod = Literal["crm.automation.trigger", "crm.automation.trigger.execute", "crm.item.update"]
TRIGGER: Final = "crm.automation.trigger"
"""The method that activates an automation trigger."""
EXECUTE: Final = "crm.automation.trigger.execute"
"""The method by which an application activates a trigger that it has registered."""
TOKEN_REQUEST: Final = "oauth.token"  # noqa: S105 - a name
"""What messages call a request to an authorization server."""

Params = Mapping[str, Any]
"""Parameters of a REST method: JSON values by name."""

HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "Content-Type": "application/json",
    "User-Agent": f"airflow-provider-bitrix24/{__version__}",
}
"""Sent with every request. Bitrix24 asks for a User-Agent that names the program."""
FORM_HEADERS = HEADERS | {"Content-Type": "application/x-www-form-urlencoded"}
"""Sent with a form instead of JSON."""
_MOST_WORK = 1e6
"""Seconds of work in ten minutes that no portal can have done."""
_METHOD_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}")
_LONGEST_INTEGER = 600
"""Digits that Python reads however it is configured."""


@dataclass(frozen=True, slots=True)
class Call:
    """One REST method with its parameters.

    ``idempotent`` says that repeating it is harmless, so that it may be sent again where nobody knows whether the
    portal acted on it.
    """

    method: str
    params: Params = field(default_factory=dict)
    idempotent: bool = False


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request that is ready to be sent: always a POST, with a JSON body where it is for a portal's method."""

    method: str
    """The REST method, for messages, since the URL holds the secret."""
    url: str = field(repr=False)
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=lambda: HEADERS, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """An answer, whatever its content.

    ``sent_at`` and ``received_at`` are seconds of the driver's monotonic clock.
    """

    status: int
    body: bytes | bytearray = field(repr=False)
    content_type: str = ""
    sent_at: float = 0.0
    received_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Timing:
    """What the portal reports about its work on a method, in seconds. Every part may be missing."""

    operating: float | None = None
    """Work on this method in the last ten minutes."""
    reset_in: float | None = None
    """Time until the oldest part of that work no longer counts."""
    finish: float | None = None
    """When the portal finished, by its own clock, in seconds since the epoch."""
    start: float | None = None
    """When it began."""


NO_TIMING = Timing()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A successful answer: ``result`` (any JSON), the counters for paging, and the portal's timing."""

    result: Any = field(repr=False)
    total: int | None = None
    next: int | None = None
    timing: Timing = NO_TIMING


class Bearer(Protocol):
    """What authorizes a request whose URL holds no secret."""

    @property
    def credentials(self) -> Mapping[str, str]:
        """Parameters for the body."""


def checked_method(method: object) -> str:
    """Return the name of a REST method, which becomes part of a URL or of a batch's command.

    :raises ConfigurationError: it is not such a name. It may be a URL with a secret in it, so it is not repeated.
    """
    name = unwrapped(method)
    if not isinstance(name, str) or not _METHOD_NAME.fullmatch(name):
        raise ConfigurationError(
            "A method's name has only letters, digits, dots, hyphens and underscores.",
            hint="Write it as Bitrix24 documents it, such as crm.item.list, and pass its parameters separately.",
        )
    return str(name)


def encode(portal: Portal, call: Call, authorization: Bearer | None = None) -> HttpRequest:
    """Build the request for a call.

    :raises ConfigurationError: the parameters are not JSON.
    """
    try:
        params = plain_params(call.params)
        body = _json(params)
    except (ValueError, RecursionError) as error:
        # An unpaired surrogate raises UnicodeEncodeError, which is a ValueError.
        reason = f"{type(error).__name__}: {error}"
        raise ConfigurationError(
            f"The parameters of {call.method} cannot be sent as JSON ({reason}).", hint=PLAIN_VALUES
        ) from None
    if authorization is not None:
        body = SecretBytes(_json({**params, **authorization.credentials}))
    return HttpRequest(call.method, portal.method_url(call.method), body)


def _json(params: Params) -> bytes:
    return json.dumps(params, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def decode(body: bytes | bytearray) -> dict[str, Any] | None:
    """The JSON object of an answer, or ``None`` where it is something else (HTML, cut JSON, nothing, a list)."""
    try:
        data = _parse(body)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _parse(body: bytes | bytearray) -> Any:
    try:
        return json.loads(body)
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise
    except ValueError:  # Python refuses to read integers of thousands of digits; such a number is infinite here
        return json.loads(
            body, parse_int=lambda digits: int(digits) if len(digits) <= _LONGEST_INTEGER else float(digits)
        )


def reply_from(envelope: Mapping[str, Any]) -> Reply:
    """Read a successful envelope. A counter that is neither a number nor a numeric text counts as absent."""
    return Reply(
        result=envelope.get("result"),
        total=whole(envelope.get("total")),
        next=whole(envelope.get("next")),
        timing=timing_from(envelope.get("time")),
    )


def timing_from(value: object) -> Timing:
    """Read the ``time`` object of an answer or of a batch command.

    ``operating_reset_at`` is a time of the portal's clock, which may differ from ours, so it is turned into seconds
    after the ``finish`` of the same object. Self-hosted portals send neither.
    """
    if not isinstance(value, Mapping):
        return NO_TIMING
    operating, reset_at, finish, start = (
        number(value.get(key)) for key in ("operating", "operating_reset_at", "finish", "start")
    )
    if operating is not None and not 0 <= operating <= _MOST_WORK:
        operating = None
    reset_in = None if reset_at is None or finish is None else min(WINDOW, max(0.0, reset_at - finish))
    return Timing(operating, reset_in, finish, start)
