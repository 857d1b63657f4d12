"""Does an application's connection work, and for how long? A flow that only reads, and never refreshes tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.errors import ApiError, Bitrix24Error
from airflow_provider_bitrix24.client.flows.calls import Channel, attempt
from airflow_provider_bitrix24.client.flows.diagnosis import PATIENCE, Diagnosis
from airflow_provider_bitrix24.client.protocol.error_codes import TOKEN_CODES
from airflow_provider_bitrix24.client.protocol.wire import Call, Reply
from airflow_provider_bitrix24.client.values import shown, text

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.flows.effects import Flow
    from airflow_provider_bitrix24.client.oauth.pair import Pair
    from airflow_provider_bitrix24.client.oauth.source import TokenSource
    from airflow_provider_bitrix24.client.oauth.token_store import Claim

LAST_WEEK = 7 * 86400.0
"""Seconds before the end of a pair from which on a person is warned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenInfo:
    """What is known about an application's tokens; none of it is secret. Moments are seconds since the epoch.

    :param expires: when the access token expires; the next call after that refreshes it.
    :param lasts_until: when the pair ends if nobody uses it before.
    :param is_admin: ``None`` where the portal was not asked.
    :param claim: names the process that has asked for the next pair and not stored it, if there is one.
    """

    portal: str
    user_id: int | None
    user_name: str
    is_admin: bool | None
    scopes: tuple[str, ...]
    stored_at: float
    expires: float
    lasts_until: float
    now: float
    claim: Claim | None = None

    @property
    def ends_soon(self) -> bool:
        """Whether the pair is in its last week."""
        return self.lasts_until - self.now < LAST_WEEK

    def lines(self) -> list[str]:
        """What a person should know, in sentences."""
        number = f"user {self.user_id}" if self.user_id is not None else "an unknown user"
        who = f"{self.user_name} ({number})" if self.user_name else number
        admin = {True: ", an administrator", False: ", not an administrator", None: ""}[self.is_admin]
        lines = [f"The application acts on {self.portal} as {who}{admin}."]
        if self.scopes:
            lines.append(f"Permissions: {', '.join(self.scopes)}.")
        if self.expires <= self.now:
            lines.append(f"The access token has expired ({moment(self.expires)}); the next call refreshes it.")
        left = max(0, int((self.lasts_until - self.now) // 86400))
        lines.append(f"Unused, the tokens last until {moment(self.lasts_until)} ({left} days).")
        if self.ends_soon:
            lines.append("Warning: that is within a week. Let a task call the portal, or run the command 'refresh'.")
        if self.claim is not None:
            process = f"process {self.claim.pid} of host {self.claim.host}"
            lines.append(
                f"Warning: {process} asked for new tokens at {moment(self.claim.at)} and has stored none yet. If calls "
                "fail, authorize the application again."
            )
        return lines


def token_info(channel: Channel, source: TokenSource) -> Flow[TokenInfo]:
    """Describe the kept tokens.

    :raises Bitrix24Error: there are none.
    """
    quiet = replace(source, rotates=False)
    pair, claim = yield from quiet.load_with_claim()
    profile: Mapping[str, object] = {}
    if pair.expires > source.clock.now():
        yield from quiet.ready()
        asking = replace(channel, tokens=quiet, retry=PATIENCE)
        outcome = yield from attempt(asking, Call("profile", idempotent=True))
        if isinstance(outcome.reply, Reply) and isinstance(outcome.reply.result, Mapping):
            profile = outcome.reply.result
    return replace(_described(channel, pair, profile, source.clock.now()), claim=claim)


def diagnose_application(channel: Channel, source: TokenSource) -> Flow[Diagnosis]:
    """Read the scopes and the CRM, without refreshing anything."""
    try:
        info = yield from token_info(channel, source)
    except Bitrix24Error as error:
        return Diagnosis(ok=False, message=f"{channel.portal}: {error}")
    message = " ".join(info.lines())
    if info.lasts_until <= info.now:
        return Diagnosis(ok=False, message=f"{message} They have ended. {source.application.advice}")
    if info.expires <= info.now:
        return Diagnosis(ok=True, message=message)
    asking = replace(channel, tokens=replace(source, rotates=False), retry=PATIENCE)
    call = Call("crm.item.list", {"entityTypeId": 2, "select": ["id"], "start": -1}, idempotent=True)
    reply = (yield from attempt(asking, call)).reply
    if isinstance(reply, ApiError) and reply.code in TOKEN_CODES:
        return Diagnosis(ok=True, message=f"{message} The portal refuses the access token; the next call refreshes it.")
    if isinstance(reply, Bitrix24Error):
        return Diagnosis(ok=False, message=f"{channel.portal}: {reply}")
    return Diagnosis(ok=True, message=f"Connected: CRM can be read. {message}")


def moment(at: float) -> str:
    """A moment for people, to the minute, in UTC."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"


def _described(channel: Channel, pair: Pair, profile: Mapping[str, object], now: float) -> TokenInfo:
    admin = profile.get("ADMIN")
    return TokenInfo(
        portal=channel.portal.base_url,
        user_id=pair.user_id,
        user_name=" ".join(shown(profile.get(part)) for part in ("NAME", "LAST_NAME") if text(profile.get(part))),
        is_admin=admin if isinstance(admin, bool) else None,
        scopes=pair.scopes,
        stored_at=pair.stored_at,
        expires=pair.expires,
        lasts_until=pair.lasts_until,
        now=now,
    )
