"""OAuth tokens of a portal: issued, rotated, expired. Their endpoints are in :mod:`..oauth`.

Recorded tokens begin with the moment at which they expire: eight hex digits, the lowest byte first. So do these.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final, Literal

ACCESS_SECONDS: Final = 3600
CODE_SECONDS: Final = 30
_LAST_MOMENT: Final = 2**32 - 1
"""In 2106, the last one that a token can name; the portal's clock ends in 2999."""
REFRESH_SECONDS: Final = {"strict": 30 * 24 * 3600, "lenient": 180 * 24 * 3600}
"""How long a refresh token that nobody uses stays valid: as recorded tokens say, and as the documentation says."""

Profile = Literal["strict", "lenient"]


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
    """A code that comes with the browser; valid for 30 s and for one exchange."""

    code: str
    client_id: str
    user_id: int
    expires: float


class TokenStore:
    """The grants and codes that the portal has issued."""

    def __init__(self) -> None:
        self._by_access: dict[str, Grant] = {}
        self._by_refresh: dict[str, Grant] = {}
        self._codes: dict[str, AuthorizationCode] = {}
        self.refreshes = 0
        """How often tokens were refreshed; Bitrix24 asks applications to refresh only when necessary."""
        self.refused_refreshes = 0
        """How often a refresh token was refused, for instance because it had been used before."""
        self.used: tuple[str, ...] = ()
        """Tokens of pairs that have been replaced."""
        self.secrets_in_url = 0
        """How many requests for tokens had a secret in their address, which ends up in logs."""

    def issue(
        self, client_id: str, user_id: int, scopes: frozenset[str], now: float, profile: Profile = "strict"
    ) -> Grant:
        """Issue a new, independent pair."""
        expires, refresh_expires = now + ACCESS_SECONDS, now + REFRESH_SECONDS[profile]
        grant = Grant(_token(expires), _token(refresh_expires), client_id, user_id, scopes, expires, refresh_expires)
        self._by_access[grant.access_token] = grant
        self._by_refresh[grant.refresh_token] = grant
        return grant

    def rotate(self, refresh_token: str, client_id: str, now: float, profile: Profile = "strict") -> Grant | None:
        """Exchange a refresh token for a new pair. The old refresh token becomes invalid.

        The old access token becomes invalid, too, unless the profile is ``"lenient"``: a portal may remember for an
        hour that it was good.

        Returns ``None`` for a token that is unknown, used, expired or another application's.
        """
        old = self._by_refresh.get(refresh_token)
        if old is None or old.client_id != client_id or old.refresh_expires <= now:
            self.refused_refreshes += 1
            return None
        del self._by_refresh[refresh_token]
        self.used += (old.access_token, refresh_token)
        if profile == "strict":
            self._by_access.pop(old.access_token, None)
        self.refreshes += 1
        return self.issue(client_id, old.user_id, old.scopes, now, profile)

    def find(self, access_token: str) -> Grant | None:
        """The grant of an access token, even of an expired one."""
        return self._by_access.get(access_token)

    def make_code(self, client_id: str, user_id: int, now: float) -> AuthorizationCode:
        """Issue an authorization code."""
        code = AuthorizationCode(secrets.token_hex(35), client_id, user_id, now + CODE_SECONDS)
        self._codes[code.code] = code
        return code

    def take_code(self, code: str, client_id: str, now: float) -> AuthorizationCode | None:
        """Use up an authorization code; ``None`` when it is unknown, used, expired or another application's."""
        found = self._codes.pop(code, None)
        if found is None or found.client_id != client_id or found.expires <= now:
            return None
        return found


def _token(expires: float) -> str:
    return min(int(expires), _LAST_MOMENT).to_bytes(4, "little").hex() + secrets.token_hex(31)
