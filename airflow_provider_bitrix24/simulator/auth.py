"""Who calls: webhook URLs, and what the portal refuses before a method runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .errors import auth_error
from .methods.registry import GLOBAL_SCOPE, Identity

if TYPE_CHECKING:
    from .methods.registry import Method
    from .model import Webhook
    from .portal import Portal

SYSTEM_METHODS: Final = frozenset({"crm.automation.trigger"})
"""What a System webhook may call on a portal without the subscription."""


@dataclass(frozen=True, slots=True)
class PathCredentials:
    """The user and the secret of a webhook URL."""

    user: str
    secret: str


def authenticate(
    portal: Portal, method: Method, path: PathCredentials | None, params: dict[str, Any], *, secure: bool
) -> Identity:
    """Return who calls `method`, and remove credentials from `params`.

    :param secure: the request came over TLS.
    :raises RestError: the portal's refusal, 401 by its source.
    """
    login = params.pop("aplogin", None)
    secret = params.pop("ap", None)
    if path is None and isinstance(login, str) and isinstance(secret, str):
        path = PathCredentials(login, secret)
    if path is None:
        raise auth_error("NO_AUTH_FOUND", "Wrong authorization data")
    return _by_webhook(portal, method, path, secure=secure)


def _by_webhook(portal: Portal, method: Method, path: PathCredentials, *, secure: bool) -> Identity:
    if portal.settings.https_required and not secure:
        raise auth_error("INVALID_REQUEST", "Https required.")
    webhook = portal.accounts.find_webhook(path.user, path.secret)
    user = portal.accounts.users.get(webhook.user_id) if webhook else None
    if webhook is None or user is None or not user.is_active:
        raise auth_error("INVALID_CREDENTIALS", "Invalid request credentials")
    if webhook.is_blocked:
        raise auth_error("OVERLOAD_LIMIT", "REST API is blocked due to overload.")
    if method.scope != GLOBAL_SCOPE and method.scope not in webhook.scopes:
        raise auth_error(
            "insufficient_scope", "The request requires higher privileges than provided by the webhook token"
        )
    _check_subscription(portal, method, webhook)
    return Identity(user, f"webhook:{webhook.id}", webhook.scopes, is_system=webhook.is_system)


def _check_subscription(portal: Portal, method: Method, webhook: Webhook) -> None:
    if portal.settings.subscription != "missing":
        return
    if not (webhook.is_system and method.name in SYSTEM_METHODS):
        raise auth_error("ACCESS_DENIED", "REST is available only by subscription.")
