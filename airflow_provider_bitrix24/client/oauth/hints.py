"""What a person should do about an error that an application gets. Pure.

The hints of :mod:`..protocol.error_codes` speak to owners of webhooks; these replace them.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.errors import ApiError
from airflow_provider_bitrix24.client.protocol.error_codes import TOKEN_CODES

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.errors import Bitrix24Error

_INSTALL = "Install the application on the portal, then authorize it again."
_ADMIN = "Let an administrator of the portal authorize the application; it acts as that person."
_SERVICE_ACCOUNT = (
    "The person who authorized the application must log in to the portal once, and must not wait for a confirmation. "
    "Use a service account that has logged in."
)
_CREDENTIALS = "Check the application's id (Login) and secret (Password) in the connection."
_SCOPE = "Give the application the permission 'crm' in its settings in Bitrix24, then authorize it again."
_HINTS: dict[str, str] = {
    "invalid_client": "The application's secret (Password) is wrong; Bitrix24 shows it beside the application's id.",
    "wrong_client": "The authorization server does not know the application's id (Login). If the portal has its own "
    "server, or is served by Bitrix24's other one, write it into oauth_server.",
    "invalid_request": _CREDENTIALS,
    "NO_AUTH_FOUND": _CREDENTIALS,
    "insufficient_scope": _SCOPE,
    "invalid_scope": _SCOPE,
    "PAYMENT_REQUIRED": "The application's trial or subscription on this portal has ended; renew it in Bitrix24.",
    "NOT_INSTALLED": _INSTALL,
    "APPLICATION_NOT_FOUND": _INSTALL,
    "ERROR_OAUTH": _INSTALL,
    "authorization_error": "The person who authorized the application has been dismissed; a local application does not "
    "pass to anybody else. Let a service account authorize it again.",
    "user_access_error": "The person who authorized the application may not use it; change that in its settings.",
    "WRONG_AUTH_TYPE": "The method does not accept an application's token.",
}
_NEEDS_AUTHORIZATION = TOKEN_CODES | {"invalid_grant"}
_NEVER_LOGGED_IN = "authorized in this context"


def advise(error: Bitrix24Error, advice: str) -> None:
    """Replace the hint of an error that an application got.

    :param advice: how to authorize the application again.
    """
    if not isinstance(error, ApiError):
        return
    if error.code in _NEEDS_AUTHORIZATION:
        error.hint = advice
    elif error.code in _HINTS:
        error.hint = _HINTS[error.code]
    elif error.code.upper() == "ACCESS_DENIED":
        error.hint = _access_denied(error)


def _access_denied(error: ApiError) -> str:
    # A text is compared only to word a message.
    if _NEVER_LOGGED_IN in error.description:
        return _SERVICE_ACCOUNT
    if error.status == HTTPStatus.UNAUTHORIZED:
        return "The portal's plan does not include applications, or the person who authorized it may not use it."
    return _ADMIN
