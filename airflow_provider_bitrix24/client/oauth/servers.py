"""Which authorization server to ask. Pure.

A refresh token and the application's secret go there, so it is never taken from a portal's answer unchecked: only
Bitrix24's two servers and the one that the connection names are asked, over https, and no redirect is followed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.portal import is_loopback

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.portal import Portal

INFO = "https://oauth.bitrix.info"
TECH = "https://oauth.bitrix24.tech"
_KNOWN = {"oauth.bitrix.info": INFO, "oauth.bitrix24.tech": TECH}
_TECH_REGIONS = ("ru", "by", "kz", "kg", "uz", "am", "az", "ge")
_HINT = "Write its address into oauth_server, such as https://oauth.example.com."


def named_server(text: str) -> str:
    """Check an authorization server that a connection names, and return its address without a path.

    :raises ConfigurationError: it is not https (loopback excepted), or more than an address.
    """
    parts = _split(text if "://" in text else f"https://{text}")
    if parts is None or parts.scheme not in ("http", "https"):
        raise ConfigurationError("oauth_server is not an address.", hint=_HINT)
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigurationError("oauth_server holds more than a host.", hint=_HINT)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ConfigurationError(
            f"The authorization server {parts.hostname} would be called over plain http, which shows the "
            "application's secret to the network.",
            hint="Use https.",
        )
    return f"{parts.scheme}://{parts.netloc}"


def server_of(endpoint: str, portal: Portal, *, named: str | None = None) -> str:
    """The authorization server to ask for the next pair.

    :param endpoint: ``server_endpoint`` of the pair; empty where it has none.
    :param named: the server that the connection names, checked; it wins.
    :raises ConfigurationError: the pair names a server that is not trusted.
    """
    if named is not None:
        return named
    if not endpoint:
        return likely_servers(portal)[0]
    server = trusted_server(endpoint, portal)
    if server is None:
        raise ConfigurationError(
            f"The application's tokens name the authorization server {shown_host(endpoint)}, which is not one of "
            "Bitrix24's.",
            hint=f"If it is yours: {_HINT[0].lower()}{_HINT[1:]}",
        )
    return server


def trusted_server(endpoint: str, portal: Portal) -> str | None:
    """The address of the authorization server that ``server_endpoint`` names; ``None`` where it is not trusted."""
    parts = _split(endpoint)
    if parts is None or "@" in parts.netloc:
        return None
    if parts.scheme == "https" and parts.port in (None, 443) and parts.hostname in _KNOWN:
        return _KNOWN[parts.hostname]
    return f"{parts.scheme}://{parts.netloc}" if _both_on_this_machine(parts, portal) else None


def shown_host(endpoint: str) -> str:
    """The host of an endpoint, as a message may show it."""
    parts = _split(endpoint)
    return (parts.hostname if parts is not None else None) or "an unreadable address"


def likely_servers(portal: Portal, *, named: str | None = None) -> tuple[str, ...]:
    """The servers that may have issued a portal's code, the likeliest first.

    A portal on this machine is its own authorization server, as the simulator is.
    """
    if named is not None:
        return (named,)
    if is_loopback(urlsplit(portal.base_url).hostname or ""):
        return (portal.base_url,)
    region = portal.host.partition(":")[0].rpartition(".")[2]
    return (TECH, INFO) if region in _TECH_REGIONS else (INFO, TECH)


def _both_on_this_machine(parts: SplitResult, portal: Portal) -> bool:
    both = is_loopback(parts.hostname or "") and is_loopback(urlsplit(portal.base_url).hostname or "")
    return both and parts.scheme in ("http", "https")


def _split(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text.strip())
        _ = parts.port  # raises ValueError if it is not a number
    except ValueError:
        return None
    return parts if parts.hostname else None
