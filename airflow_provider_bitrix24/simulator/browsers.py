"""Refuses what a browser sends for a page from elsewhere.

The simulator has no passwords and its webhooks are known, so a page on the web could otherwise have a browser on this
machine change a portal, or read one by a name that it lets point here (DNS rebinding). Other programs send none of the
headers that are looked at, and pass.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_CONTROL: Final = "/_simulator/"
_ACTING: Final = ("/rest/", "/oauth/token")
"""Paths whose every request may change something, those by GET included."""
_NOBODY: Final = "."
"""In place of the name in a text that is not a host with a port."""


def refusal(method: str, path: str, headers: Mapping[str, str], names: Collection[str]) -> str | None:
    """Why a request is refused, ``None`` when it may pass.

    :param headers: those of the request; their names in any case.
    :param names: host names that the portal goes by, besides addresses and local names.
    """
    host, origin, site = headers.get("Host", ""), headers.get("Origin"), headers.get("Sec-Fetch-Site")
    if host and not _is_own_host(_hostname(host), names):
        return f"The simulator does not go by the name {_hostname(host)!r}. Start it with --allow-host to allow it."
    if path.startswith(_CONTROL) and method not in _READING:
        of_this_origin = origin is None or _authority(origin) == host.lower() != ""
        if not of_this_origin or site not in (None, "none", "same-origin"):
            return "A page from elsewhere may not change the simulator."
    if path.startswith(_ACTING):
        trusted = _is_trusted_origin(origin, host, names) if origin is not None else site != "cross-site"
        if not trusted:
            return "A page from elsewhere may not call the simulator. Start it with --allow-host to allow its host."
    return None


def _is_own_host(hostname: str, names: Collection[str]) -> bool:
    """Whether a name cannot be a stranger's: an address, a name without a dot, or one of the portal's own."""
    return _is_address(hostname) or "." not in hostname or hostname.endswith(".localhost") or hostname in names


def _is_trusted_origin(origin: str, host: str, names: Collection[str]) -> bool:
    hostname = _hostname(_authority(origin))
    if not hostname:
        return False
    if hostname in (_hostname(host), "localhost") or hostname in names or hostname.endswith(".localhost"):
        return True
    return _is_address(hostname) and ip_address(hostname).is_loopback


def _authority(origin: str) -> str:
    """Host and port of an origin; nothing for those of sandboxed pages, files and extensions."""
    scheme, _, authority = origin.lower().partition("://")
    return authority if scheme in ("http", "https") else ""


def _hostname(authority: str) -> str:
    try:
        parts = urlsplit(f"//{authority}")
        _ = parts.port  # raises where it is not a number
    except ValueError:
        return _NOBODY
    return parts.hostname or "" if parts.netloc == authority and parts.username is None else _NOBODY


def _is_address(hostname: str) -> bool:
    try:
        ip_address(hostname)
    except ValueError:
        return False
    return True
