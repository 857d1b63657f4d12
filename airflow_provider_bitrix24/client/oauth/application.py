"""A portal that is called as an OAuth application, not by a webhook."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote_plus, urlsplit

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.oauth.servers import likely_servers, named_server, server_of, trusted_server
from airflow_provider_bitrix24.client.portal import Portal, is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_bitrix24.client.oauth.pair import Pair
    from airflow_provider_bitrix24.client.oauth.token_store import TokenStore

AUTHORIZE = "Authorize the application again."


def mask_nothing(_: tuple[str, ...]) -> None:
    """Mask nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationPortal(Portal):
    """One portal with one OAuth application. ``user_id`` is the application's id, ``secret`` its secret.

    :param token_store: keeps the application's tokens.
    :param oauth_server: the authorization server, where it is not one of Bitrix24's.
    :param advice: what a person should do to authorize the application again.
    :param mask: is given every token that is read or received, to keep it out of logs.
    :raises ConfigurationError: an address is not https (loopback excepted), or a part is missing.
    """

    token_store: TokenStore = field(repr=False, compare=False)
    oauth_server: str | None = None
    advice: str = field(default=AUTHORIZE, repr=False, compare=False)
    mask: Callable[[tuple[str, ...]], None] = field(default=mask_nothing, repr=False, compare=False)

    _missing: ClassVar[dict[str, tuple[str, str]]] = {
        "user_id": ("The application's id is missing.", "Put it into Login; it looks like local.5f0c1d2e3a4.12345678."),
        "secret": ("The application's secret is missing.", "Put it into Password; Bitrix24 shows it beside the id."),
    }

    def __post_init__(self) -> None:
        Portal.__post_init__(self)
        if self.oauth_server is not None:
            object.__setattr__(self, "oauth_server", named_server(self.oauth_server))

    _shown_user_id: ClassVar[re.Pattern[str]] = re.compile(r".*")

    @staticmethod
    def _check_part(name: str, value: str) -> None:
        if re.search(r"\s", value):
            raise ConfigurationError(f"The application's {name} holds a blank.", hint="Copy it again from Bitrix24.")
        if "/rest/" in value:
            raise ConfigurationError(
                "The connection authenticates as an OAuth application, but holds the URL of a webhook.",
                hint="Put the application's id into Login and its secret into Password, or set auth_method to webhook.",
            )

    def method_url(self, method: str) -> str:
        """URL of a REST method. It holds no secret: the token goes into the request's body."""
        return f"{self.base_url}/rest/{method}"

    def authorize_url(self, state: str) -> str:
        """The page on which a person agrees that the application acts as that person."""
        query = f"client_id={quote_plus(self.user_id)}&state={quote_plus(state)}"
        return f"{self.base_url}/oauth/authorize/?{query}"

    def token_servers(self) -> tuple[str, ...]:
        """Authorization servers that may have issued this portal's code, the likeliest first."""
        return likely_servers(self, named=self.oauth_server)

    def token_server(self, pair: Pair) -> str:
        """The authorization server that refreshes a pair.

        :raises ConfigurationError: the pair names a server that is not trusted.
        """
        return server_of(pair.server_endpoint, self, named=self.oauth_server)

    def trusts(self, pair: Pair) -> bool:
        """Whether the next pair can be asked for: the connection or the pair names a server, and it is trusted."""
        return self.oauth_server is not None or trusted_server(pair.server_endpoint, self) is not None

    def base_url_of(self, pair: Pair) -> str:
        """Where the portal is: its own address, or the one to which it has moved, as the authorization server says."""
        if self.is_local or not pair.client_endpoint.startswith("https://"):
            return self.base_url
        moved = pair.client_endpoint.rstrip("/").removesuffix("/rest")
        try:
            return Portal(base_url=moved, user_id=self.user_id, secret="-").base_url  # noqa: S106 - checks an address
        except ConfigurationError:
            return self.base_url

    @property
    def is_local(self) -> bool:
        """Whether the portal is on this machine."""
        return is_loopback(urlsplit(self.base_url).hostname or "")
