"""Advice that both drivers give for the same failure, and the check of TLS settings that both make."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.errors import ConfigurationError

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.settings import ClientSettings

CONNECT_HINT = "Check the portal's address and that this machine may reach it."
CA_HINT = "Name the authority's file in ca_bundle, or correct the address."
TLS_HINT = "Does this address and port speak https?"
PROXY_HINT = "Check the address and the login of the proxy."
URL_HINT = "Use the form https://example.bitrix24.com."


def checked_tls(settings: ClientSettings) -> bool | str:
    """What the HTTP libraries take for ``verify``.

    :raises ConfigurationError: the CA bundle is not there.
    """
    tls = settings.tls
    if isinstance(tls, str) and not Path(tls).exists():
        raise ConfigurationError(f"The file {tls!r} of ca_bundle does not exist.", hint="Correct the path.")
    return tls
