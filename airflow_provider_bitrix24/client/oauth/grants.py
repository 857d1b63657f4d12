"""What is asked of an authorization server, and what its answers mean. Pure.

Requests are posted as forms: the documented GET shows the application's secret to every log on the way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeGuard
from urllib.parse import urlencode

from airflow_provider_bitrix24.client.errors import (
    ApiError,
    AuthenticationError,
    Bitrix24Error,
    ProtocolError,
)
from airflow_provider_bitrix24.client.flows.effects import NoResponse
from airflow_provider_bitrix24.client.oauth.hints import advise
from airflow_provider_bitrix24.client.oauth.pair import Pair
from airflow_provider_bitrix24.client.protocol.error_codes import error_from
from airflow_provider_bitrix24.client.protocol.wire import (
    FORM_HEADERS,
    TOKEN_REQUEST,
    HttpRequest,
    HttpResponse,
    decode,
)
from airflow_provider_bitrix24.client.secret_text import LIVE_SECRETS, SecretBytes, SecretText, hide

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.oauth.application import ApplicationPortal

INVALID_GRANT = "invalid_grant"
WRONG_CLIENT = "wrong_client"


def refresh_request(application: ApplicationPortal, pair: Pair) -> HttpRequest:
    """Ask for the next pair.

    :raises ConfigurationError: the pair names a server that is not trusted.
    """
    server = application.token_server(pair)
    LIVE_SECRETS.add(pair.refresh_token)
    return _request(server, application, {"grant_type": "refresh_token", "refresh_token": pair.refresh_token})


def code_request(application: ApplicationPortal, server: str, code: AuthorizationCode) -> HttpRequest:
    """Ask for the first pair."""
    return _request(server, application, {"grant_type": "authorization_code", "code": code.text})


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """What a browser brings back: valid for 30 s, and for one exchange."""

    text: str = field(repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", SecretText(self.text))
        LIVE_SECRETS.add(self.text)

    def redact(self, shown: str) -> str:
        """Text with the code replaced by ``***``."""
        return hide(shown, self.text)


def read_grant(
    application: ApplicationPortal, answer: HttpResponse | NoResponse, now: float, sent: Pair | AuthorizationCode
) -> Pair | Bitrix24Error:
    """Read an answer. Never raises, and no error repeats what was sent.

    :param now: seconds since the epoch.
    :param sent: the pair that is to be replaced, or the code that is to be exchanged.
    """
    outcome = _read(application, answer, now, sent if isinstance(sent, Pair) else None)
    if isinstance(outcome, Bitrix24Error):
        outcome.redact(lambda text: sent.redact(application.redact(text)))
    return outcome


def _read(
    application: ApplicationPortal, answer: HttpResponse | NoResponse, now: float, before: Pair | None
) -> Pair | Bitrix24Error:
    if isinstance(answer, NoResponse):
        return answer.error
    body = decode(answer.body)
    if body is None:
        return _unreadable(answer)
    if "error" in body:
        return _refusal(application, body, answer.status)
    pair = Pair.from_grant(body, now, before)
    return _unreadable(answer) if pair is None or answer.status != HTTPStatus.OK else pair


def is_lost(error: Bitrix24Error) -> bool:
    """Whether the server may have issued a pair that did not arrive."""
    return error.executed != "no"


def is_invalid_grant(error: object) -> TypeGuard[ApiError]:
    """Whether the server does not know the refresh token or the code, or no longer."""
    return isinstance(error, ApiError) and error.code == INVALID_GRANT


def chain_lost(application: ApplicationPortal, why: str) -> AuthenticationError:
    """The error of a pair that is worth nothing any more."""
    return AuthenticationError(
        code=INVALID_GRANT, description=why, method=TOKEN_REQUEST, status=400, hint=application.advice
    )


def _request(server: str, application: ApplicationPortal, grant: dict[str, str]) -> HttpRequest:
    LIVE_SECRETS.add(application.secret)
    credentials = {"client_id": application.user_id, "client_secret": application.secret}
    return HttpRequest(
        TOKEN_REQUEST,
        f"{server}/oauth/token/",
        SecretBytes(urlencode(grant | credentials).encode()),
        headers=FORM_HEADERS,
    )


def _refusal(application: ApplicationPortal, body: dict[str, Any], status: int) -> ApiError:
    error = error_from(TOKEN_REQUEST, body, status)
    advise(error, application.advice)
    return error


def _unreadable(answer: HttpResponse) -> Bitrix24Error:
    redirected = HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST
    if redirected:
        return ProtocolError(
            f"{TOKEN_REQUEST}: the authorization server redirects to another address (HTTP {answer.status}); it was "
            "not followed, because the request holds the application's secret.",
            status=answer.status,
            executed="no",
            hint="Is oauth_server the right address?",
        )
    if answer.status == HTTPStatus.NOT_FOUND:
        return ProtocolError(
            f"{TOKEN_REQUEST}: there is no authorization server at this address (HTTP 404).",
            status=answer.status,
            executed="no",
            hint="Is oauth_server the right address?",
        )
    return ProtocolError(
        f"{TOKEN_REQUEST}: the authorization server's answer cannot be read (HTTP {answer.status}, "
        f"{len(answer.body)} bytes).",
        status=answer.status,
        hint="A proxy or an overloaded server answers like this.",
    )


def is_transient(error: Bitrix24Error) -> bool:
    """Whether the server refused for the moment only, without using the refresh token up."""
    return error.executed == "no" and not error.permanent
