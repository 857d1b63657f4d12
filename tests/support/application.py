"""An Airflow connection to an OAuth application, whose tokens a store in memory keeps."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_bitrix24.client.oauth.pair import Pair
from airflow_provider_bitrix24.client.oauth.token_store import Kept
from airflow_provider_bitrix24.simulator.portal.seed import DEMO

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_bitrix24.simulator.portal.tokens import Grant
    from airflow_provider_bitrix24.simulator.testing import SimulatorServer

APPLICATION = DEMO["applications"][0]
CONN_ID = "bitrix24_app"


class RememberedTokens:
    """A store of somebody's own, as a connection names it by its path."""

    kept: ClassVar[dict[str, Kept]] = {}

    def __init__(self, *, key: str) -> None:
        self._key = key

    def load(self) -> Kept:
        return self.kept.get(self._key, Kept())

    def update(self, change: Callable[[Kept], Kept]) -> Kept:
        self.kept[self._key] = change(self.load())
        return self.kept[self._key]


@dataclass
class ApplicationConnection:
    """The connection ``bitrix24_app`` to the demo's application.

    :param set_connection: sets the environment variable of a connection.
    """

    server: SimulatorServer
    set_connection: Callable[[str, str], None]
    key: str

    def connect(self, **extra: Any) -> None:
        """Set the connection."""
        extra = {"auth_method": "oauth", "token_store": f"{__name__}.RememberedTokens", "token_key": self.key} | extra
        connection = {
            "conn_type": "bitrix24",
            "host": self.server.url,
            "login": APPLICATION["client_id"],
            "password": APPLICATION["client_secret"],
            "extra": {name: value for name, value in extra.items() if value is not None},
        }
        self.set_connection(CONN_ID, json.dumps(connection))

    def authorize(self, now: float | None = None) -> Pair:
        """Store a pair, as somebody's authorization does."""
        pair = self.new_pair(now)
        RememberedTokens.kept[self.key] = Kept(pair=pair)
        return pair

    def new_pair(self, now: float | None = None) -> Pair:
        """Issue a pair.

        :param now: the client's time, by default the portal's.
        """
        grant = self.grant()
        moment = self.server.clock.now() if now is None else now
        lifetime = grant.expires - self.server.clock.now()
        return Pair(
            access_token=grant.access_token,
            refresh_token=grant.refresh_token,
            expires=moment + lifetime,
            lifetime=lifetime,
            stored_at=moment,
            member_id="5b1c0f2e9a7d4c3680e1f2a3b4c5d6e7",
            user_id=1,
            scopes=("crm",),
            client_endpoint=f"{self.server.url}/rest/",
            server_endpoint=f"{self.server.oauth_url}/rest/",
        )

    def grant(self) -> Grant:
        return self.server.portal.tokens.issue(APPLICATION["client_id"], 1, frozenset({"crm"}), self.server.clock.now())

    @property
    def kept(self) -> Kept:
        return RememberedTokens.kept[self.key]
