"""Which proxy a request goes through: one decision for both drivers, whose HTTP libraries would decide differently.

The connection's proxy comes first, then the environment's for https, then the one for everything; ``NO_PROXY`` lists
hosts that are reached without the environment's. What plain http carries on this machine never goes to another one.
"""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.portal import DEFAULT_PORTS, ascii_host, is_loopback
from airflow_provider_bitrix24.client.secret_text import LIVE_SECRETS, SecretText

if TYPE_CHECKING:
    from collections.abc import Mapping
    from urllib.parse import SplitResult

_HTTP = ("http", "https")
_SOCKS = ("socks5", "socks5h")
_OWN = "the connection's proxy"


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, and what names it: the connection, or a variable of the environment."""

    url: str = field(repr=False)
    source: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "url", SecretText(self.url))
        with suppress(ValueError):
            # httpcore writes the login of a SOCKS proxy at DEBUG.
            password = urlsplit(self.url).password or ""
            LIVE_SECRETS.add(password)
            LIVE_SECRETS.add(unquote(password))


def proxy_for(url: str, own: str | None, environment: Mapping[str, str] | None = None) -> Proxy | None:
    """The proxy for a request, or ``None`` to connect directly.

    :param url: of the request.
    :param own: the connection's proxy.
    :param environment: proxies by scheme, as :func:`urllib.request.getproxies` gives them, with ``all`` and ``no``.
    :raises ConfigurationError: the proxy cannot be used; the message says which, and does not repeat it.
    """
    target = urlsplit(url)
    host = target.hostname or ""
    stays_here = target.scheme == "http" and is_loopback(host)
    if own is not None and not (stays_here and not is_loopback(_split(own, _OWN).hostname or "")):
        return _usable(Proxy(own, _OWN))
    if stays_here:
        return None
    found = getproxies() if environment is None else environment
    for scheme in (target.scheme, "all"):
        if found.get(scheme):
            if _excepted(host, target.port or DEFAULT_PORTS.get(target.scheme), found.get("no", "")):
                return None
            proxy = found[scheme]
            return _usable(Proxy(proxy if "://" in proxy else f"http://{proxy}", f"{scheme.upper()}_PROXY"))
    return None


def _usable(proxy: Proxy) -> Proxy:
    parts = _split(proxy.url, proxy.source)
    if parts.scheme in _SOCKS:
        if find_spec("socks") is None or find_spec("socksio") is None:
            raise ConfigurationError(
                f"{_named(proxy.source)} is a SOCKS proxy, for which libraries are missing.",
                hint="Install requests[socks] and httpx[socks], name an HTTP proxy, or name the portal in NO_PROXY.",
            )
    elif parts.scheme not in _HTTP:
        raise _invalid(proxy.source)
    return proxy


def _split(url: str, source: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        if not parts.hostname or parts.port == 0 or re.search(r"\s", url):
            raise _invalid(source)
    except ValueError:
        raise _invalid(source) from None
    return parts


def _invalid(source: str) -> ConfigurationError:
    return ConfigurationError(
        f"{_named(source)} is not a valid proxy URL.", hint="Use the form http://proxy.example.com:3128."
    )


def _named(source: str) -> str:
    return source[0].upper() + source[1:] if source == _OWN else f"{source} of the environment"


def _excepted(host: str, port: int | None, no_proxy: str) -> bool:
    """Whether ``NO_PROXY`` lists a host: by its name or a parent domain, its address, or a network that holds it."""
    return any(_matches(entry, host.lower().rstrip("."), port) for entry in re.split(r"[\s,]+", no_proxy) if entry)


def _matches(entry: str, host: str, port: int | None) -> bool:
    if entry == "*":
        return True
    address = _address(host)
    if address is not None and (network := _network(entry)) is not None:
        return address in network
    name, port_of_entry = _split_port(entry)
    if port_of_entry is not None and port_of_entry != port:
        return False
    if address is not None:
        return _address(name) == address
    domain = ascii_host(name.removeprefix("*").strip("."))
    return bool(domain) and (host == domain or host.endswith(f".{domain}"))


def _split_port(entry: str) -> tuple[str, int | None]:
    found = re.fullmatch(r"(\[[^\]]*\]|[^:]*):([0-9]{1,5})", entry)
    name, port = (found[1], int(found[2])) if found else (entry, None)
    return name.strip("[]").lower(), port


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
