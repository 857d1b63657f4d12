"""A certificate for https, issued at each start by a certificate authority of the simulator's own."""

from __future__ import annotations

import datetime as dt
import ssl

import trustme

_VALIDITY = dt.timedelta(days=365)
"""Some systems distrust certificates that are valid for years."""


def server_context(*hosts: str) -> tuple[ssl.SSLContext, str]:
    """A server's TLS context, and the PEM text of the authority's certificate for clients to trust.

    The server's certificate is valid for ``localhost``, the loopback addresses and `hosts`.

    :raises ValueError: when a certificate cannot name one of the hosts.
    """
    authority = trustme.CA(organization_name="Bitrix24 simulator")
    names = dict.fromkeys(("localhost", "127.0.0.1", "::1", *hosts))
    try:
        certificate = authority.issue_cert(*names, not_after=dt.datetime.now(dt.UTC) + _VALIDITY)
    except UnicodeError as error:
        raise ValueError(f"no certificate can name these hosts: {error}") from None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context, authority.cert_pem.bytes().decode()
