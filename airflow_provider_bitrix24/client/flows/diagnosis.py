"""Does this connection work, and if not, why? A flow that only reads and changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.errors import (
    Bitrix24Error,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    ProtocolError,
)
from airflow_provider_bitrix24.client.flows.calls import Channel, attempt
from airflow_provider_bitrix24.client.flows.readings import TOO_OLD, is_too_old
from airflow_provider_bitrix24.client.limits.retry import RetryPolicy
from airflow_provider_bitrix24.client.protocol.wire import TRIGGER, Call, Reply
from airflow_provider_bitrix24.client.values import shown, text

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.flows.effects import Flow

PATIENCE = RetryPolicy(attempts=2, limit_attempts=3, longest_delay=2.0, longest_pause=2.0)
"""A person waits in front of a form: two tries are enough."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Whether a connection works, and a sentence for people, without any secret."""

    ok: bool
    message: str


def diagnose(channel: Channel) -> Flow[Diagnosis]:
    """Read the scopes and the CRM; where that is refused, call the trigger's own method.

    Called without a target, ``crm.automation.trigger`` answers "Target is not set." after it has checked the webhook
    and the user's access to the CRM. So it shows that both are fine, and has no effect. Under the subscription model
    the trigger's own "System" webhook may call nothing else.
    """
    patient = Channel(portal=channel.portal, settings=channel.settings, retry=PATIENCE, random=channel.random)
    scope = yield from _ask(patient, "scope")
    if isinstance(scope, PermissionDeniedError):
        return (yield from _trigger_only(patient))
    if isinstance(scope, Bitrix24Error):
        return _failed(patient, scope)
    granted = [name for each in scope.result if (name := text(each))] if isinstance(scope.result, list) else []
    if granted and "crm" not in granted:
        listed = shown(", ".join(granted))
        return _no(patient, f"The webhook works but lacks the scope 'crm' (it has: {listed}). Add it in Bitrix24.")
    items = yield from _ask(patient, "crm.item.list", {"entityTypeId": 2, "select": ["id"], "start": -1})
    if isinstance(items, PermissionDeniedError):
        return (yield from _trigger_only(patient))
    if isinstance(items, Bitrix24Error) and is_too_old(items):
        return (yield from _too_old(patient))
    if isinstance(items, Bitrix24Error):
        return _failed(patient, items)
    who, is_admin = yield from _user(patient)
    message = f"Connected to {channel.portal} as {who}; CRM can be read"
    if is_admin is False and isinstance(items.result, Mapping) and items.result.get("items") == []:
        # A portal answers the same if it has no deals: what a user may not see is left out, without an error.
        message += ", but this user sees no deals. If the portal has some, let an administrator own the webhook"
    return Diagnosis(ok=True, message=f"{message}.")


def _ask(channel: Channel, method: str, params: Mapping[str, object] | None = None) -> Flow[Reply | Bitrix24Error]:
    outcome = yield from attempt(channel, Call(method, params or {}, idempotent=True))
    return outcome.reply


def _user(channel: Channel) -> Flow[tuple[str, bool | None]]:
    """Who owns the webhook, in words, and whether that is an administrator, where the portal says so."""
    profile = yield from _ask(channel, "profile")
    number = f"user {channel.portal.user_id}"
    if not isinstance(profile, Reply) or not isinstance(profile.result, Mapping):
        return number, None
    name = " ".join(shown(profile.result.get(part)) for part in ("NAME", "LAST_NAME")).strip()
    known = f"{name} ({number})" if name else number
    if "ADMIN" not in profile.result:
        return known, None
    is_admin = profile.result["ADMIN"] is True
    return f"{known}, {'an' if is_admin else 'not an'} administrator", is_admin


def _trigger_only(channel: Channel) -> Flow[Diagnosis]:
    answer = yield from _ask(channel, TRIGGER)
    if not isinstance(answer, InvalidRequestError):
        return _failed(channel, answer)
    if "access denied" in answer.description.lower():
        # The only place where a text is compared, and only to word a message.
        return _no(channel, "The webhook is valid, but its owner may read nothing in the CRM.")
    return Diagnosis(
        ok=True,
        message=f"Connected to {channel.portal} as user {channel.portal.user_id}. This webhook may only fire "
        "automation triggers, so results stay unverified; name a second connection that may read in verify_conn_id.",
    )


def _too_old(channel: Channel) -> Flow[Diagnosis]:
    """Say what a portal can do that knows its webhook, but not how to read entities."""
    fires = yield from _trigger_only(channel)
    if fires.ok:
        message = (
            f"Connected to {channel.portal} as user {channel.portal.user_id}. {TOO_OLD} Triggers can be fired, but "
        )
        return Diagnosis(
            ok=True, message=f"{message}results stay unverified; StageSensor and wait_timeout cannot work."
        )
    return fires


def _no(channel: Channel, message: str) -> Diagnosis:
    return Diagnosis(ok=False, message=f"{channel.portal}: {message}")


def _failed(channel: Channel, error: Reply | Bitrix24Error) -> Diagnosis:
    if isinstance(error, Reply):
        return _no(channel, "The portal answered a trigger without a target with success; is it a Bitrix24 portal?")
    if is_too_old(error) and error.method != "scope":
        return _no(channel, f"{error} Its CRM is missing, or older than automation triggers.")
    if isinstance(error, NotFoundError | ProtocolError):
        return _no(channel, f"{error} This does not look like a Bitrix24 portal; check the address.")
    return _no(channel, str(error))
