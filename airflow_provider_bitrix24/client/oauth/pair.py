"""A pair of tokens, as an authorization server issues it and as a store keeps it. Pure.

The access token opens the portal for an hour. The refresh token buys the next pair, once, and is then worthless: a
pair that is lost cannot be replaced except by a person who authorizes the application again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any, Self
from urllib.parse import parse_qsl

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.secret_text import LIVE_SECRETS, SecretText, hide
from airflow_provider_bitrix24.client.values import number, text, whole

LIFETIME = 3600.0
"""Seconds for which an access token is valid, where the server does not say."""
CLOCK_ERROR = 120.0
"""Seconds by which a clock may be wrong; a pair is taken for expired only once that much more has passed."""
IDLE_LIFETIME = 28 * 86400.0
"""Seconds for which an unused refresh token is assumed to be valid where it does not say: the shortest known."""
_LONGEST_LIFETIME = 400 * 86400.0
_DATED = re.compile(r"[0-9a-f]{30,}", re.IGNORECASE)
_LONGEST_TOKEN, _LONGEST_SCOPE, _SCOPES = 2048, 60, 100
"""Bounds of what a server may answer, so that every pair fits into every store."""
_FORM = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """An access token and the refresh token that replaces it. Moments are seconds since the epoch.

    :param expires: when the access token expires, by the server's clock.
    :param lifetime: seconds for which it is valid.
    :param stored_at: when the pair was received, by the clock of the host that received it.
    :param member_id: the portal's id, which never changes; empty where the server did not say.
    :param client_endpoint: address of the portal's REST methods, as the authorization server named it.
    :param server_endpoint: address of the authorization server's own REST methods.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires: float
    lifetime: float
    stored_at: float
    member_id: str = ""
    user_id: int | None = None
    scopes: tuple[str, ...] = ()
    client_endpoint: str = ""
    server_endpoint: str = ""

    def __post_init__(self) -> None:
        for name in ("access_token", "refresh_token"):
            token = SecretText(getattr(self, name))
            object.__setattr__(self, name, token)
            LIVE_SECRETS.add(token)

    @property
    def fingerprint(self) -> str:
        """Names the pair without showing anything of it."""
        return hashlib.sha256(f"bitrix24 pair {self.refresh_token}".encode()).hexdigest()[:16]

    @property
    def credentials(self) -> dict[str, str]:
        """The parameter that authorizes a request, for its body."""
        LIVE_SECRETS.add(self.access_token)
        return {"auth": self.access_token}

    @property
    def lasts_until(self) -> float:
        """When the refresh token expires if nobody uses it before.

        Recorded tokens begin with that moment: eight hex digits, the lowest byte first.
        """
        if _DATED.fullmatch(self.refresh_token):
            written = int.from_bytes(bytes.fromhex(self.refresh_token[:8]), "little")
            if self.stored_at < written < self.stored_at + _LONGEST_LIFETIME:
                return float(written)
        return self.stored_at + IDLE_LIFETIME

    def has_expired(self, now: float) -> bool:
        """Whether the access token has certainly expired: by the server's clock and by that of the host that got it."""
        return now > max(self.expires, self.stored_at + self.lifetime) + CLOCK_ERROR

    def redact(self, shown_text: str) -> str:
        """Text with both tokens replaced by ``***``."""
        return hide(hide(shown_text, self.access_token), self.refresh_token)

    def as_record(self) -> dict[str, Any]:
        """The pair as plain JSON, secrets included."""
        return {"form": _FORM, **asdict(self), "scopes": list(self.scopes)}

    @classmethod
    def from_record(cls, record: object) -> Self | None:
        """Read what :meth:`as_record` has written; ``None`` where it is something else."""
        if not isinstance(record, Mapping) or record.get("form") != _FORM:
            return None
        expires, lifetime, stored_at = (number(record.get(name)) for name in ("expires", "lifetime", "stored_at"))
        if expires is None or lifetime is None or stored_at is None or not _has_tokens(record):
            return None
        return cls(
            access_token=record["access_token"],
            refresh_token=record["refresh_token"],
            expires=expires,
            lifetime=lifetime,
            stored_at=stored_at,
            member_id=text(record.get("member_id")) or "",
            user_id=whole(record.get("user_id")),
            scopes=_scopes(record.get("scopes")),
            client_endpoint=text(record.get("client_endpoint")) or "",
            server_endpoint=text(record.get("server_endpoint")) or "",
        )

    @classmethod
    def from_grant(cls, grant: Mapping[str, Any], now: float, before: Pair | None = None) -> Self | None:
        """Read the answer of an authorization server; ``None`` where it holds no pair.

        :param now: when it was received.
        :param before: the pair that this one replaces, for what the answer leaves out.
        """
        if not _has_tokens(grant):
            return None
        lifetime = number(grant.get("expires_in"))
        lifetime = LIFETIME if lifetime is None or not 0 < lifetime <= _LONGEST_LIFETIME else lifetime
        expires = number(grant.get("expires"))
        return cls(
            access_token=grant["access_token"],
            refresh_token=grant["refresh_token"],
            expires=now + lifetime if expires is None or abs(expires - now) > _LONGEST_LIFETIME else expires,
            lifetime=lifetime,
            stored_at=now,
            member_id=text(grant.get("member_id")) or (before.member_id if before else ""),
            user_id=_first(whole(grant.get("user_id")), before.user_id if before else None),
            scopes=_scopes(grant.get("scope")) or (before.scopes if before else ()),
            client_endpoint=text(grant.get("client_endpoint")) or (before.client_endpoint if before else ""),
            server_endpoint=text(grant.get("server_endpoint")) or (before.server_endpoint if before else ""),
        )


def pair_from_install(pasted: str, now: float) -> Pair:
    """Read what a local application's handler received at its installation.

    :param pasted: the body of the request, a form (``auth[access_token]=...``) or JSON (``{"auth": {...}}``).
    :raises ConfigurationError: it holds no pair. The message repeats nothing of it.
    """
    pair = Pair.from_grant(_install_fields(pasted.strip()), now)
    if pair is None:
        raise ConfigurationError(
            "This is not what an application receives when it is installed.",
            hint="Paste the whole body of the request: auth[access_token]=...&auth[refresh_token]=..., or the same as "
            "JSON.",
        )
    return pair


def _install_fields(pasted: str) -> dict[str, Any]:
    import json  # only a person's command reads this

    try:
        read = json.loads(pasted)
    except (ValueError, RecursionError):
        read = dict(parse_qsl(pasted.replace("\n", "&")))
    if not isinstance(read, dict):
        return {}
    inner = read.get("auth")
    fields = dict(inner) if isinstance(inner, dict) else {}
    fields |= {name[5:-1]: value for name, value in read.items() if name.startswith("auth[") and name.endswith("]")}
    if not fields:
        renamed = {"AUTH_ID": "access_token", "REFRESH_ID": "refresh_token", "AUTH_EXPIRES": "expires_in"}
        renamed |= {"SERVER_ENDPOINT": "server_endpoint"}
        fields = {renamed.get(name, name): value for name, value in read.items()}
    return fields


def _has_tokens(record: Mapping[str, Any]) -> bool:
    return all(is_token(record.get(name)) for name in ("access_token", "refresh_token"))


def is_token(value: object) -> bool:
    """Whether a value can be a token or a code: a text of printable ASCII, not longer than anybody's."""
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_TOKEN and value.isascii() and value.isprintable()


def _scopes(value: object) -> tuple[str, ...]:
    names = value.replace(" ", ",").split(",") if isinstance(value, str) else value
    named = (text(name) for name in names) if isinstance(names, list) else ()
    return tuple(islice((name for name in named if name and name.isascii() and len(name) <= _LONGEST_SCOPE), _SCOPES))


def _first(value: int | None, other: int | None) -> int | None:
    return other if value is None else value
