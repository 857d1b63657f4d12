"""Which certificates the drivers trust, and what they say where those cannot be used."""

from __future__ import annotations

import ssl
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.errors import ConfigurationError

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.settings import ClientSettings


def checked_tls(settings: ClientSettings) -> bool | str:
    """What the HTTP libraries take for ``verify``.

    :raises ConfigurationError: the CA bundle is not there, or holds no certificates.
    """
    tls = settings.tls
    if isinstance(tls, str):
        trusting(tls)
    return tls


def trusting(ca_bundle: str) -> ssl.SSLContext:
    """A TLS context that trusts the authorities of a file or directory, read once as long as it does not change.

    :raises ConfigurationError: it is not there, or holds no certificates.
    """
    path = Path(ca_bundle)
    try:
        return _trusting(ca_bundle, path.stat().st_mtime_ns, is_directory=path.is_dir())
    except OSError as error:  # ssl.SSLError is one
        reason = error.reason if isinstance(error, ssl.SSLError) else error.strerror
        raise ConfigurationError(
            f"The file {ca_bundle!r} of ca_bundle cannot be used ({reason}).",
            hint="It must hold certificates in PEM format.",
        ) from None


def bad_environment() -> ConfigurationError:
    """The authorities are not named by ``ca_bundle`` but by the environment, and cannot be used."""
    return ConfigurationError(
        "The authorities that this machine's environment names cannot be used.",
        hint="Check REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, SSL_CERT_FILE and SSL_CERT_DIR, "
        "or set ca_bundle in the connection.",
    )


@lru_cache(maxsize=8)
def _trusting(ca_bundle: str, _changed_at: int, *, is_directory: bool) -> ssl.SSLContext:
    if is_directory:
        return ssl.create_default_context(capath=ca_bundle)
    return ssl.create_default_context(cafile=ca_bundle)
