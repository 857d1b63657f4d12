"""Automation triggers that an application has registered on a portal; only the application may use them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.flows.calls import call
from airflow_provider_bitrix24.client.protocol.wire import Call
from airflow_provider_bitrix24.client.trigger_code import checked_code
from airflow_provider_bitrix24.client.values import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_bitrix24.client.flows.calls import Channel
    from airflow_provider_bitrix24.client.flows.effects import Flow

_PREFIX = "crm.automation.trigger."


@dataclass(frozen=True, slots=True)
class ApplicationTrigger:
    """A registered trigger. An administrator places it on a stage under its name; tasks fire it by its code."""

    code: str
    name: str


def add_trigger(channel: Channel, code: str, name: str) -> Flow[None]:
    """Register a trigger, or rename it.

    :raises ConfigurationError: code or name is empty, or the connection holds a webhook.
    :raises Bitrix24Error: the portal refused or gave no answer.
    """
    code = required_code(code)
    if not name.strip():
        raise ConfigurationError("The trigger's name is empty.", hint="Name it as people should see it on a stage.")
    yield from _call(channel, "add", {"CODE": code, "NAME": name}, idempotent=True)


def list_triggers(channel: Channel) -> Flow[list[ApplicationTrigger]]:
    """The triggers that the application has registered.

    :raises ConfigurationError: the connection holds a webhook.
    :raises Bitrix24Error: the portal refused or gave no answer.
    """
    rows = yield from _call(channel, "list", {}, idempotent=True)
    found = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return [ApplicationTrigger(shown(row.get("CODE")), shown(row.get("NAME"))) for row in found]


def delete_trigger(channel: Channel, code: str) -> Flow[None]:
    """Delete a registered trigger; it disappears from the stages that it was placed on.

    :raises ConfigurationError: the code is empty, or the connection holds a webhook.
    :raises Bitrix24Error: the portal refused, for instance since there is none of this code, or gave no answer.
    """
    yield from _call(channel, "delete", {"CODE": required_code(code)}, idempotent=False)


def required_code(code: str | None) -> str:
    """The code of an application's trigger, which has always one.

    :raises ConfigurationError: it is empty, or cannot be sent.
    """
    checked = checked_code(code)
    if checked is None:
        raise ConfigurationError(
            "code is empty.", hint="Give the code under which the application has registered the trigger."
        )
    return checked


def require_application(channel: Channel, method: str) -> None:
    """Refuse a webhook, to which the portal would answer "Application context required".

    :raises ConfigurationError: the connection holds a webhook.
    """
    if channel.tokens is None:
        raise ConfigurationError(
            f"{method} is only for OAuth applications, and this connection holds a webhook.",
            hint="Create a local application in Bitrix24, set auth_method to oauth in a connection, put the "
            "application's id into Login and its secret into Password, and authorize it: "
            "python -m airflow_provider_bitrix24 authorize CONN_ID. With a webhook, fire the trigger 'Track incoming "
            "webhook' instead (TriggerAutomationOperator).",
        )


def _call(channel: Channel, name: str, params: Mapping[str, Any], *, idempotent: bool) -> Flow[Any]:
    method = f"{_PREFIX}{name}"
    require_application(channel, method)
    return (yield from call(channel, Call(method, params, idempotent))).result
