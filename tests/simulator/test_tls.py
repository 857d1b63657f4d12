from __future__ import annotations

import ssl

import pytest

from airflow_provider_bitrix24.simulator.tls import server_context


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> None:
    """Let a client and a server shake hands in memory."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client.wrap_bio(to_client, to_server, server_hostname=host),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(4):
        for side in sides:
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "portal.example", "10.0.0.7"])
def test_a_client_that_trusts_the_authority_accepts_the_server_under_each_of_its_names(host):
    server, authority = server_context("portal.example", "10.0.0.7")
    client = ssl.create_default_context(cadata=authority)
    client.verify_flags |= ssl.VERIFY_X509_STRICT  # the default from Python 3.13 on
    handshake(server, client, host)


def test_another_name_is_refused():
    server, authority = server_context()
    with pytest.raises(ssl.SSLCertVerificationError, match=r"not valid for 'portal\.example'"):
        handshake(server, ssl.create_default_context(cadata=authority), "portal.example")


def test_each_start_has_an_authority_of_its_own():
    server, _ = server_context()
    _, another = server_context()
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(server, ssl.create_default_context(cadata=another), "localhost")


def test_a_host_that_no_certificate_can_name_is_refused():
    with pytest.raises(ValueError, match=r"no certificate can name these hosts: .*my_host"):
        server_context("my_host")
