"""The authorization server and the portal's authorization page, without HTTP.

Bitrix24 has two hosts for this, ``oauth.bitrix.info`` and ``oauth.bitrix24.tech``. The simulator is its own
authorization server, or serves one on a second port. Two settings decide which host its answers name, and whether they
have the fields that the documentation's samples leave out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit

if TYPE_CHECKING:
    from airflow_provider_bitrix24.simulator.portal import Portal
    from airflow_provider_bitrix24.simulator.portal.model import Application
    from airflow_provider_bitrix24.simulator.portal.tokens import Grant

MEMBER_ID: Final = "5b1c0f2e9a7d4c3680e1f2a3b4c5d6e7"


@dataclass(frozen=True, slots=True)
class Consent:
    """What the authorization page does: it sends the browser to `location`, or shows `code` where that is empty."""

    location: str
    code: str


@dataclass(frozen=True, slots=True)
class OAuthResponse:
    """A response of the token endpoint."""

    status: int
    body: dict[str, Any]


def token(portal: Portal, params: dict[str, Any], base_url: str) -> OAuthResponse:
    """Answer the token endpoint.

    :param params: `grant_type`, `client_id`, `client_secret`, and `code` or `refresh_token`.
    :param base_url: address of this server, for the endpoints in the response.
    """
    grant_type = params.get("grant_type")
    if grant_type not in ("authorization_code", "refresh_token"):
        return _error("invalid_request", "Invalid grant_type parameter or parameter missing")
    needed = "code" if grant_type == "authorization_code" else "refresh_token"
    value = params.get(needed)
    if not isinstance(value, str) or not value:
        return _error("invalid_request", f'No "{needed}" parameter found')
    application = portal.accounts.applications.get(str(params.get("client_id", "")))
    if application is None:
        return OAuthResponse(200, {"error": "wrong_client"})
    if params.get("client_secret") != application.client_secret:
        return _error("invalid_client", "The client credentials are invalid")
    if (refused := _withheld(application)) is not None:
        return refused
    scope = params.get("scope")
    if isinstance(scope, str) and scope and not set(scope.split(",")) <= application.scopes:
        return _error("invalid_scope", "An unsupported scope was requested")
    grant = _grant(portal, application, grant_type, value)
    if grant is None:
        return OAuthResponse(400, {"error": "invalid_grant"})
    return OAuthResponse(200, _grant_body(portal, grant, base_url))


def authorize(portal: Portal, params: dict[str, Any], host: str) -> Consent | None:
    """Where the authorization page sends the browser; the simulator's user always consents.

    An application without a redirect address gets its code shown on a page. ``None`` when no such application is
    installed: the portal then shows a page of its own.
    """
    application = portal.accounts.applications.get(str(params.get("client_id", "")))
    if application is None or not application.is_installed:
        return None
    user = int(params["user_id"]) if str(params.get("user_id", "")).isdigit() else 1
    code = portal.tokens.make_code(application.client_id, user, portal.clock.now())
    query = {
        "code": code.code,
        "state": str(params.get("state", "")),
        "domain": portal.settings.domain or host,
        "member_id": MEMBER_ID,
        "scope": ",".join(sorted(application.scopes)),
        "server_domain": portal.settings.oauth_host or _server_host(portal, host),
    }
    if not application.redirect_uri:
        return Consent("", code.code)
    separator = "&" if "?" in application.redirect_uri else "?"
    return Consent(f"{application.redirect_uri}{separator}{urlencode(query)}", code.code)


def _server_host(portal: Portal, host: str) -> str:
    return urlsplit(portal.addresses.oauth).netloc if portal.addresses else host


def _grant(portal: Portal, application: Application, grant_type: str, value: str) -> Grant | None:
    now, profile = portal.clock.now(), portal.settings.oauth_profile
    if grant_type == "refresh_token":
        return portal.tokens.rotate(value, application.client_id, now, profile)
    code = portal.tokens.take_code(value, application.client_id, now)
    if code is None:
        return None
    return portal.tokens.issue(application.client_id, code.user_id, application.scopes, now, profile)


def _withheld(application: Application) -> OAuthResponse | None:
    if not application.is_installed:
        return OAuthResponse(401, {"error": "NOT_INSTALLED", "error_description": "Application not installed"})
    if not application.is_paid:
        return OAuthResponse(401, {"error": "PAYMENT_REQUIRED", "error_description": "Payment required"})
    return None


def _grant_body(portal: Portal, grant: Grant, base_url: str) -> dict[str, Any]:
    host = portal.settings.oauth_host
    at_portal = portal.addresses.portal if portal.addresses else base_url
    body: dict[str, Any] = {
        "access_token": grant.access_token,
        "expires": int(grant.expires),
        "expires_in": int(grant.expires - portal.clock.now()),
        "scope": ",".join(sorted(grant.scopes)),
        "domain": host or base_url.partition("://")[2],
        "server_endpoint": f"https://{host}/rest/" if host else f"{base_url}/rest/",
        "status": "L",
        "client_endpoint": f"https://{portal.settings.domain}/rest/"
        if portal.settings.domain
        else f"{at_portal}/rest/",
        "member_id": MEMBER_ID,
        "user_id": grant.user_id,
        "refresh_token": grant.refresh_token,
    }
    if portal.settings.oauth_answer == "sample":
        del body["expires"], body["user_id"]
    return body


def _error(code: str, description: str) -> OAuthResponse:
    return OAuthResponse(400, {"error": code, "error_description": description})
