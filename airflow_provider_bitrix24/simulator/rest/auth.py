"""Finds out who calls, by an application's token or a webhook's URL, and refuses what may not call.

Tokens are checked before webhooks, in the order in which the portal's handlers are registered. Within each, the order
of refusals is that of the portal's source.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_bitrix24.simulator.errors import RestError, auth_error
from airflow_provider_bitrix24.simulator.rest.methods import GLOBAL_SCOPE, Identity

if TYPE_CHECKING:
    from airflow_provider_bitrix24.simulator.portal import Portal
    from airflow_provider_bitrix24.simulator.rest.methods import BatchMethod, Method
    from airflow_provider_bitrix24.simulator.rest.request import PathCredentials, RestRequest

SYSTEM_METHODS: Final = frozenset({"crm.automation.trigger"})
"""What a System webhook may call on a portal without the subscription."""
_BEARER = re.compile(r"Bearer\s+", re.IGNORECASE)


def authenticate(
    portal: Portal,
    method: Method | BatchMethod,
    path: PathCredentials | None,
    params: dict[str, Any],
    request: RestRequest,
) -> Identity:
    """Find out who calls `method`, and remove credentials from `params`.

    :param path: the credentials in a webhook's URL; they override parameters of the same meaning.
    :raises RestError: the portal's refusal; 401 according to its source.
    """
    token = _token(request.headers.get("authorization"), params)
    if token:
        return _by_token(portal, method, token)
    login, secret = params.pop("aplogin", None), params.pop("ap", None)
    if path is not None:
        login, secret = path.user, path.secret
    if isinstance(login, str) and isinstance(secret, str):
        return _by_webhook(portal, method, login, secret, secure=request.secure)
    raise auth_error("NO_AUTH_FOUND", "Wrong authorization data")


def _token(header: str | None, params: dict[str, Any]) -> str:
    if header is not None and (match := _BEARER.match(header)) is not None:
        return header[match.end() :]
    found = ""
    for name in ("access_token", "auth"):  # the later one wins, since the portal looks for `auth` first
        value = params.pop(name, None)
        if isinstance(value, str):
            found = value
    return found


def _by_token(portal: Portal, method: Method | BatchMethod, token: str) -> Identity:
    grant = portal.tokens.find(token)
    if grant is None:
        raise auth_error("invalid_token", "Unable to get application by token")
    application = portal.accounts.applications.get(grant.client_id)
    if application is not None and application.is_blocked:
        raise auth_error("OVERLOAD_LIMIT", "REST API is blocked due to overload.")
    if portal.settings.subscription == "missing":
        raise auth_error("ACCESS_DENIED", "REST is available only on commercial plans.")
    if application is None or not application.is_installed:
        raise auth_error("APPLICATION_NOT_FOUND", "Application not found")
    if grant.expires <= portal.clock.now():
        raise auth_error("expired_token", "The access token provided has expired")
    if method.scope not in (GLOBAL_SCOPE, *grant.scopes):
        raise _insufficient_scope("the access token")
    user = portal.accounts.users.get(grant.user_id)
    if user is None or not user.is_active:
        raise auth_error("authorization_error", "Unable to authorize user")
    if not user.has_logged_in:
        raise auth_error("ACCESS_DENIED", "Current user can't be authorized in this context")
    return Identity(user, f"app:{grant.client_id}", grant.scopes, client_id=grant.client_id)


def _by_webhook(portal: Portal, method: Method | BatchMethod, login: str, secret: str, *, secure: bool) -> Identity:
    if portal.settings.https_required and not secure:
        raise auth_error("INVALID_REQUEST", "Https required.")
    webhook = portal.accounts.find_webhook(login, secret)
    if webhook is None:
        raise auth_error("INVALID_CREDENTIALS", "Invalid request credentials")
    if method.scope not in (GLOBAL_SCOPE, *webhook.scopes):
        raise _insufficient_scope("the webhook token")
    if webhook.is_blocked:
        raise auth_error("OVERLOAD_LIMIT", "REST API is blocked due to overload.")
    if portal.settings.subscription == "missing" and not (webhook.is_system and method.name in SYSTEM_METHODS):
        raise auth_error("ACCESS_DENIED", "REST is available only by subscription.")
    user = portal.accounts.users.get(webhook.user_id)
    if user is None or not user.is_active:
        raise auth_error("authorization_error", "Unable to authorize user")
    return Identity(user, f"webhook:{webhook.id}", webhook.scopes, is_system=webhook.is_system)


def _insufficient_scope(by: str) -> RestError:
    return auth_error("insufficient_scope", f"The request requires higher privileges than provided by {by}")
