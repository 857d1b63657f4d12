"""Methods about the caller and the portal: ``scope``, ``profile``, ``server.time`` ..."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.simulator import php
from airflow_provider_bitrix24.simulator.portal.settings import Plan
from airflow_provider_bitrix24.simulator.rest.methods.registry import GLOBAL_SCOPE, METHODS, find, method

if TYPE_CHECKING:
    from airflow_provider_bitrix24.simulator.rest.methods.registry import Call

_LICENSES = {Plan.STANDARD: "en_std", Plan.ENTERPRISE: "en_ent250"}
_ALL_SCOPES = ["basic", "crm", "department", "im", "log", "placement", "task", "user", "user_basic", "user_brief"]


@method("scope", GLOBAL_SCOPE)
def scope(call: Call) -> Any:
    """List the scopes of the credential or, with FULL, all scopes of the portal."""
    return list(_ALL_SCOPES) if php.truthy(call.upper().get("FULL")) else sorted(call.identity.scopes)


@method("methods", GLOBAL_SCOPE)
def methods(call: Call) -> Any:
    """List the methods that the credential may call; with SCOPE those of one scope, with FULL those of all."""
    params = call.upper()
    if (wanted := params.get("SCOPE")) is not None:
        allowed = {php.to_str(wanted)}
    elif php.truthy(params.get("FULL")):
        allowed = {GLOBAL_SCOPE, *_ALL_SCOPES}
    else:
        allowed = {GLOBAL_SCOPE, *call.identity.scopes}
    return [each.name for each in METHODS.values() if each.scope in allowed]


@method("method.get", GLOBAL_SCOPE)
def method_get(call: Call) -> Any:
    """Whether a method exists and whether the credential may call it."""
    found = find(php.to_str(call.params.get("name")))
    allowed = {GLOBAL_SCOPE, *call.identity.scopes}
    return {"isExisting": found is not None, "isAvailable": found is not None and found.scope in allowed}


@method("server.time", GLOBAL_SCOPE)
def server_time(call: Call) -> Any:
    """The portal's time."""
    clock = call.portal.clock
    return clock.iso(clock.now())


@method("profile", GLOBAL_SCOPE)
def profile(call: Call) -> Any:
    """The user that the credential belongs to."""
    user = call.identity.user
    return {
        "ID": str(user.id),
        "ADMIN": user.is_admin,
        "NAME": user.name,
        "LAST_NAME": user.last_name,
        "PERSONAL_GENDER": "",
        "TIME_ZONE": "",
    }


@method("app.info", GLOBAL_SCOPE)
def app_info(call: Call) -> Any:
    """Describe the calling application; for a webhook only its scopes and the portal's licence."""
    identity = call.identity
    license_name = "en_selfhosted" if not call.portal.settings.is_cloud else _LICENSES[call.portal.settings.plan]
    if not identity.client_id:
        return {"SCOPE": sorted(identity.scopes), "LICENSE": license_name}
    return {
        "ID": 1,
        "CODE": identity.client_id,
        "VERSION": 1,
        "STATUS": "L",
        "INSTALLED": True,
        "PAYMENT_EXPIRED": "N",
        "DAYS": None,
        "LANGUAGE_ID": "en",
        "LICENSE": license_name,
        "LICENSE_TYPE": license_name.removeprefix("en_"),
        "LICENSE_FAMILY": license_name.removeprefix("en_"),
    }
