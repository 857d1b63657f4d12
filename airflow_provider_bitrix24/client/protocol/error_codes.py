"""What an answer means, as one table: code, status and place -> error class, whether the portal acted, advice.

An answer is an error when its body has the key ``error``, whatever the status: the code is often the empty string and
may come with HTTP 200. The code decides first and the status second. Texts never decide, since they are localized.
Codes and statuses come from the portal's source and from live measurements. Where the public documentation differs
(it gives 403 for a wrong webhook, the portal answers 401), both are understood.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client.errors import (
    ApiError,
    AuthenticationError,
    Bitrix24Error,
    Executed,
    InvalidRequestError,
    NotFoundError,
    OperatingLimitError,
    OutcomeUnknown,
    PermissionDeniedError,
    PortalUnavailableError,
    ProtocolError,
    RateLimitError,
    ServerError,
)
from airflow_provider_bitrix24.client.json_memory import fits_in_memory
from airflow_provider_bitrix24.client.protocol.wire import HttpResponse, Reply, decode, reply_from
from airflow_provider_bitrix24.client.values import shown

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one error code means."""

    error: type[ApiError]
    hint: str = ""
    executed: Executed = "no"


_WEBHOOK = "Check the webhook's user id and secret in the connection; it may have been changed, deleted or blocked."
_SCOPE = "Give the webhook the scope 'crm'."
_RIGHTS = "Let an administrator of the portal own the webhook; a non-admin may not reach every pipeline."
_AUTHORIZE = "Authorize the application again."
_PARAMETERS = "Check the parameters against the method's documentation."
_LATER = "Try again later."

SCOPE_CODES = frozenset({"insufficient_scope", "invalid_scope"})
"""Codes by which a portal says that a credential lacks a scope, which another user would not change."""
TOKEN_CODES = frozenset({"expired_token", "invalid_token"})
"""Codes by which a portal refuses an application's access token, which a refresh replaces."""
CODES: dict[str, Meaning] = {
    # Limits: refused before anything ran.
    "QUERY_LIMIT_EXCEEDED": Meaning(RateLimitError, "Another program calls the portal from this address."),
    "OPERATION_TIME_LIMIT": Meaning(
        OperatingLimitError,
        "The method's working time of ten minutes is spent; it is free again at the reset.",
    ),
    # The portal itself.
    "OVERLOAD_LIMIT": Meaning(PortalUnavailableError, "Bitrix24 blocked REST by hand; contact its support."),
    "PORTAL_DELETED": Meaning(PortalUnavailableError, "The portal is closed or deleted."),
    # The credential.
    "INVALID_CREDENTIALS": Meaning(AuthenticationError, _WEBHOOK),
    "NO_AUTH_FOUND": Meaning(AuthenticationError, _WEBHOOK),
    "authorization_error": Meaning(
        AuthenticationError, "The webhook's owner cannot be authorized; was the user dismissed?"
    ),
    "expired_token": Meaning(AuthenticationError, _AUTHORIZE),
    "invalid_token": Meaning(AuthenticationError, _AUTHORIZE),
    "invalid_grant": Meaning(AuthenticationError, _AUTHORIZE),
    "invalid_client": Meaning(AuthenticationError, "Check the application's id and secret."),
    "wrong_client": Meaning(AuthenticationError, "Check the application's id and secret."),
    "APPLICATION_NOT_FOUND": Meaning(AuthenticationError, "Install the application on the portal."),
    "ERROR_OAUTH": Meaning(AuthenticationError, "Install the application on the portal."),
    "NOT_INSTALLED": Meaning(AuthenticationError, "Install the application on the portal."),
    "PAYMENT_REQUIRED": Meaning(AuthenticationError, "The portal's subscription has ended."),
    "session_failed": Meaning(AuthenticationError, _WEBHOOK),
    "WRONG_AUTH_TYPE": Meaning(AuthenticationError, "The method does not accept this kind of credential."),
    # The portal could not reach its own authorization server: a temporary 401.
    "CONNECTION_ERROR": Meaning(ServerError, _LATER),
    # Its rights.
    "ACCESS_DENIED": Meaning(PermissionDeniedError, _RIGHTS),
    "access_denied": Meaning(PermissionDeniedError, _RIGHTS),
    "insufficient_scope": Meaning(PermissionDeniedError, _SCOPE),
    "invalid_scope": Meaning(PermissionDeniedError, _SCOPE),
    "user_access_error": Meaning(PermissionDeniedError, "Let the application be used by the webhook's owner."),
    "allowed_only_intranet_user": Meaning(PermissionDeniedError, _RIGHTS),
    "WRONG_LICENSE": Meaning(PermissionDeniedError, "The portal's plan does not include this."),
    "METHOD_CONFIRM_WAITING": Meaning(PermissionDeniedError, "An administrator of the portal must confirm the call."),
    "METHOD_CONFIRM_DENIED": Meaning(PermissionDeniedError, "An administrator of the portal denied the call."),
    # The request.
    "ERROR_METHOD_NOT_FOUND": Meaning(
        NotFoundError, "The portal does not know this method: it is misspelt, or the portal is too old for it."
    ),
    "NOT_FOUND": Meaning(NotFoundError),
    "ENTITY_TYPE_NOT_SUPPORTED": Meaning(InvalidRequestError, "The method does not know this type of entity."),
    "INVALID_REQUEST": Meaning(InvalidRequestError, "Call the portal over https."),
    "INVALID_ARG_VALUE": Meaning(InvalidRequestError, _PARAMETERS),
    "ERROR_ARGUMENT": Meaning(InvalidRequestError, _PARAMETERS),
    "100": Meaning(InvalidRequestError, _PARAMETERS),
    "invalid_request": Meaning(InvalidRequestError, _PARAMETERS),
    "ERROR_BATCH_METHOD_NOT_ALLOWED": Meaning(InvalidRequestError, "Call the method by itself."),
    "ERROR_BATCH_LENGTH_EXCEEDED": Meaning(InvalidRequestError, "A batch takes 50 commands."),
    "ERROR_MANIFEST_IS_NOT_AVAILABLE": Meaning(InvalidRequestError),
    # The portal failed.
    "INTERNAL_WRONG_TRANSPORT": Meaning(ServerError, _LATER),
    "INTERNAL_WRONG_HANDLER_CLASS": Meaning(ServerError, _LATER),
    "INTERNAL_SERVER_ERROR": Meaning(ServerError, _LATER, "unknown"),
    "ERROR_UNEXPECTED_ANSWER": Meaning(ServerError, _LATER, "unknown"),
    # Any exception that the portal did not catch, for instance a robot's after the stage was changed.
    "ERROR_CORE": Meaning(ServerError, _LATER, "unknown"),
    "WRONG_ENCODING": Meaning(ServerError, "The method ran; its result could not be encoded.", "yes"),
}
"""Error code -> meaning. Compared exactly: the portal's codes are case-sensitive."""

_BY_STATUS: dict[int, Meaning] = {
    HTTPStatus.BAD_REQUEST: Meaning(InvalidRequestError, _PARAMETERS),
    HTTPStatus.UNAUTHORIZED: Meaning(AuthenticationError, _WEBHOOK),
    HTTPStatus.FORBIDDEN: Meaning(PermissionDeniedError, _RIGHTS),
    HTTPStatus.NOT_FOUND: Meaning(NotFoundError),
    HTTPStatus.TOO_MANY_REQUESTS: Meaning(RateLimitError),
}
_NAMELESS = ("", "0")
"""Codes of old CRM methods, which name nothing; inside a batch they come without a status."""
_INSIDE_BATCH = Meaning(InvalidRequestError, _PARAMETERS)
_UNNAMED_FAILURE = Meaning(ServerError, _LATER, "unknown")


def classify(method: str, response: HttpResponse, *, share: int = 1) -> Reply | Bitrix24Error:
    """Turn an answer into a reply, or into the error that it means. Never raises.

    :param share: how many answers are in memory together.
    """
    if not fits_in_memory(response.body, share=share):
        return OutcomeUnknown(
            f"{method}: reading the answer ({len(response.body) / 1e6:.1f} MB) would take too much memory.",
            hint="Ask for fewer rows or fields at once (filter, select).",
        )
    envelope = decode(response.body)
    if envelope is None:
        return _not_an_envelope(method, response)
    if "error" in envelope:
        return error_from(method, envelope, response.status)
    if response.status != HTTPStatus.OK or "result" not in envelope:
        return _not_an_envelope(method, response)
    return reply_from(envelope)


def error_from(method: str, entry: Mapping[str, Any], status: int, *, in_batch: bool = False) -> ApiError:
    """The error of an envelope, or of one command's entry in a batch, which has no status of its own."""
    code, description = _code_and_text(entry)
    meaning = CODES.get(code) or _by_status(code, status, in_batch=in_batch)
    return meaning.error(
        code=code,
        description=description,
        method=method,
        status=status,
        hint=meaning.hint,
        executed=meaning.executed,
    )


def _code_and_text(entry: Mapping[str, Any]) -> tuple[str, str]:
    raw = entry.get("error")
    if isinstance(raw, dict):  # REST 3.0 answers like this where a portal is called under its other path
        return shown(raw.get("code")), shown(raw.get("message"))
    return shown(raw), shown(entry.get("error_description"))


def _by_status(code: str, status: int, *, in_batch: bool) -> Meaning:
    if in_batch:
        return _INSIDE_BATCH if code in _NAMELESS else _unsure(_INSIDE_BATCH)
    known = _BY_STATUS.get(status)
    if known is None:
        client_error = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
        return Meaning(InvalidRequestError, _PARAMETERS) if client_error else _UNNAMED_FAILURE
    return known if code in _NAMELESS else _unsure(known)


def _unsure(meaning: Meaning) -> Meaning:
    # An exception of the portal's application can replace any code, so an unknown one proves nothing.
    return Meaning(meaning.error, meaning.hint, "unknown")


def _not_an_envelope(method: str, response: HttpResponse) -> ProtocolError | RateLimitError:
    status, kind = response.status, shown(response.content_type.partition(";")[0]) or "no content type"
    size = len(response.body)
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return ProtocolError(
            f"{method}: the portal redirects to another address (HTTP {status}); it was not followed, "
            "because the address holds the secret.",
            status=status,
            executed="no",
            hint="Was the portal renamed, or has its licence expired? Put the new address into the connection.",
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        # A front server that counts requests refuses them before anything else looks at them.
        return RateLimitError(
            code=str(int(status)),
            description=f"Too many requests ({kind}, {size} bytes).",
            method=method,
            status=status,
        )
    return ProtocolError(
        f"{method}: the answer is not the REST envelope (HTTP {status}, {kind}, {size} bytes).",
        status=status,
        hint="Is the address a Bitrix24 portal? A proxy or an overloaded server answers like this, too.",
    )
