"""``crm.automation.trigger``, and ``crm.automation.trigger.*`` for applications."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.simulator import php
from airflow_provider_bitrix24.simulator.errors import PhpFatalError, RestError, access_denied
from airflow_provider_bitrix24.simulator.portal import automation
from airflow_provider_bitrix24.simulator.portal.accounts import may_fire, may_use_crm
from airflow_provider_bitrix24.simulator.portal.entity_types import DEAL, LEAD, ORDER, resolve_type
from airflow_provider_bitrix24.simulator.rest.methods.registry import method

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from airflow_provider_bitrix24.simulator.portal.model import Application
    from airflow_provider_bitrix24.simulator.rest.methods.registry import Call

_CODE = re.compile(r"[a-z0-9.\-_]+", re.IGNORECASE | re.ASCII)


@method("crm.automation.trigger")
def trigger(call: Call) -> Any:
    """Fire a webhook's trigger; ``true`` only means that the call was well-formed and permitted."""
    _need_crm(call)
    target = call.params.get("target")
    if target is None:
        raise RestError("", "Target is not set.")
    type_id, entity_id = _parse_target(target)
    portal = call.portal
    store = portal.items.get(type_id)
    accepted = portal.settings.fires_all_types or type_id in (LEAD, DEAL, ORDER)
    if not accepted or not may_fire(call.identity.user, type_id, entity_id, store.get(entity_id) if store else None):
        raise access_denied("There is no permissions to update the entity.", documented_status=400)
    steps = automation.fire(portal, type_id, entity_id, php.to_str(call.params.get("code")))
    return True if steps is None else _spend(steps)


@method("crm.automation.trigger.add")
def add(call: Call) -> Any:
    """Register an application's trigger, or rename it."""
    application, params = _application(call), call.upper()
    code = _code(params)
    name = params.get("NAME")
    if not php.truthy(name):
        raise RestError("", "Empty trigger name!")
    application.triggers[code] = php.to_str(name)
    return True


@method("crm.automation.trigger.list")
def list_triggers(call: Call) -> Any:
    """List the application's triggers; no paging, no total."""
    return [{"NAME": name, "CODE": code} for code, name in _application(call).triggers.items()]


@method("crm.automation.trigger.delete")
def delete(call: Call) -> Any:
    """Delete a registered trigger."""
    application = _application(call)
    if application.triggers.pop(_code(call.upper()), None) is None:
        raise RestError("", "Trigger not found")
    return True


@method("crm.automation.trigger.execute")
def execute(call: Call) -> Any:
    """Fire an application's trigger; the user's right to the item is not checked."""
    application, params = _application(call), call.upper()
    code = _code(params)
    if code not in application.triggers:
        raise RestError("", f"Trigger with code {code} is not registered.")
    type_id = php.to_int(params.get("OWNER_TYPE_ID"))
    if type_id <= 0:
        raise RestError("", "Incorrect parameter OWNER_TYPE_ID.")
    entity_id = php.to_int(params.get("OWNER_ID"))
    if entity_id <= 0:
        raise RestError("", "Incorrect parameter OWNER_ID.")
    steps = automation.fire(call.portal, type_id, entity_id, code, application=application.client_id)
    return True if steps is None else _spend(steps)


def _need_crm(call: Call) -> None:
    if not may_use_crm(call.identity.user):
        raise RestError("", "Access denied.")


def _application(call: Call) -> Application:
    """The calling application, after the checks in the portal's order."""
    _need_crm(call)
    if not call.identity.user.is_admin:
        raise access_denied("Admin permissions required", documented_status=400)
    application = call.portal.accounts.applications.get(call.identity.client_id)
    if application is None:
        raise access_denied("Application context required", documented_status=400)
    return application


def _code(params: dict[str, Any]) -> str:
    code = params.get("CODE")
    if not php.truthy(code):
        raise RestError("", "Empty trigger code!")
    text = php.to_str(code)
    if not _CODE.fullmatch(text):
        raise RestError("", "Wrong trigger code!")
    return text


def _parse_target(target: Any) -> tuple[int, int]:
    if isinstance(target, (dict, list)):
        raise PhpFatalError("strrpos(): Argument #1 ($haystack) must be of type string, array given")
    name, underscore, number = php.to_str(target).rpartition("_")
    if not underscore:
        raise RestError("", "Incorrect target format.")
    type_id, entity_id = resolve_type(name), php.to_int(number)
    if not type_id or not entity_id:
        raise RestError("", "Target is not found.")
    return type_id, entity_id


def _spend(steps: Iterator[float]) -> Generator[float, None, bool]:
    yield from steps
    return True
