"""OAuth tokens of a portal: issued, rotated, expired. The endpoints are in :mod:`.oauth`."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final

ACCESS_SECONDS: Final = 3600
REFRESH_SECONDS: Final = 180 * 24 * 3600
CODE_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class Grant:
    """A pair of tokens. Moments are seconds since the epoch."""

    access_token: str
    refresh_token: str
    client_id: str
    user_id: int
    scopes: frozenset[str]
    expires: float
    refresh_expires: float


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """What the browser brings back; good for 30 s and for one exchange."""

    code: str
    client_id: str
    user_id: int
    expires: float


class TokenStore:
    """Grants and codes that the portal has given out."""

    def __init__(self) -> None:
        self._by_access: dict[str, Grant] = {}
        self._by_refresh: dict[str, Grant] = {}
        self._codes: dict[str, AuthorizationCode] = {}
        self.refreshes = 0
        """How often tokens were refreshed; Bitrix24 asks not to overdo it."""

    def issue(self, client_id: str, user_id: int, scopes: frozenset[str], now: float) -> Grant:
        """Give out a new, independent pair."""
        grant = Grant(
            secrets.token_hex(35),
            secrets.token_hex(35),
            client_id,
            user_id,
            scopes,
            now + ACCESS_SECONDS,
            now + REFRESH_SECONDS,
        )
        self._by_access[grant.access_token] = grant
        self._by_refresh[grant.refresh_token] = grant
        return grant

    def rotate(self, refresh_token: str, client_id: str, now: float) -> Grant | None:
        """Exchange a refresh token for a new pair, once; the old pair is worth nothing from then on.

        Returns ``None`` for a token that is unknown, used, expired or another application's.
        """
        old = self._by_refresh.get(refresh_token)
        if old is None or old.client_id != client_id or old.refresh_expires <= now:
            return None
        del self._by_refresh[refresh_token]
        self._by_access.pop(old.access_token, None)
        self.refreshes += 1
        return self.issue(client_id, old.user_id, old.scopes, now)

    def find(self, access_token: str) -> Grant | None:
        """Return the grant of an access token, also of an expired one."""
        return self._by_access.get(access_token)

    def make_code(self, client_id: str, user_id: int, now: float) -> AuthorizationCode:
        """Give out an authorization code."""
        code = AuthorizationCode(secrets.token_hex(35), client_id, user_id, now + CODE_SECONDS)
        self._codes[code.code] = code
        return code

    def take_code(self, code: str, client_id: str, now: float) -> AuthorizationCode | None:
        """Spend an authorization code; ``None`` when it is unknown, spent, too old or another application's."""
        found = self._codes.pop(code, None)
        if found is None or found.client_id != client_id or found.expires <= now:
            return None
        return found
