"""Why there are no new tokens, and what the error says."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from airflow_provider_bitrix24.client.errors import (
    AuthenticationError,
    Bitrix24Error,
    ConnectFailed,
    OutcomeUnknown,
    ProtocolError,
)
from airflow_provider_bitrix24.client.oauth.refresh import this_host
from airflow_provider_bitrix24.client.oauth.token_store import Claim, Kept
from airflow_provider_bitrix24.simulator.testing import SimulatorServer
from tests.support.drivers import KINDS
from tests.support.misbehaving_server import refusing_port
from tests.support.token_rig import CLIENT_SECRET, token_rig


def test_a_dead_chain_is_told_after_30_seconds_and_remembered_until_the_store_changes(rig):
    rig.expire()
    rig.portal.tokens.rotate(rig.store.kept.pair.refresh_token, "local.app1", rig.server.clock.now())
    start = rig.server.clock.now()
    with pytest.raises(AuthenticationError) as caught:
        rig.do("sync", "call", "scope")
    assert 30 <= rig.server.clock.now() - start < 33
    assert f"of host {this_host()} asked for new ones at 2026-01-01" in str(caught.value)
    assert "Authorize the application again." in str(caught.value)
    assert caught.value.permanent
    loads, asked = rig.store.loads, rig.portal.tokens.refused_refreshes
    with pytest.raises(AuthenticationError, match="no longer valid"):
        rig.do("sync", "call", "scope")
    assert rig.portal.tokens.refused_refreshes == asked
    assert rig.store.loads - loads <= 2
    rig.authorize()
    assert rig.do("sync", "call", "scope") == ["crm"]


def test_an_answer_that_is_lost_after_the_server_acted_says_who_lost_it(rig):
    rig.expire()
    rig.server.faults.script([{"kind": "cut", "when": "after", "method": "oauth.token"}])
    with pytest.raises(AuthenticationError) as caught:
        rig.do("sync", "call", "scope")
    assert "the answer was lost" in str(caught.value)
    assert this_host() in str(caught.value)


def test_a_claim_that_a_dead_process_has_left_is_told_to_the_next(rig):
    rig.expire()
    old = rig.store.kept.pair
    claim = Claim(host="worker-7", pid=4711, at=rig.server.clock.now() - 3600, pair=old.fingerprint)
    rig.store.kept = dataclasses.replace(rig.store.kept, claim=claim)
    rig.portal.tokens.rotate(old.refresh_token, "local.app1", rig.server.clock.now())
    with pytest.raises(AuthenticationError, match="Process 4711 of host worker-7 asked for new ones at"):
        rig.do("sync", "call", "scope")


def test_two_lost_answers_end_the_call_and_a_later_one_may_still_succeed(rig):
    rig.expire()
    rig.server.faults.script([{"kind": "cut", "method": "oauth.token"}] * 2)
    with pytest.raises(OutcomeUnknown) as caught:
        rig.do("sync", "call", "scope")
    assert caught.value.executed == "no"
    assert not caught.value.permanent
    assert "Authorize" in caught.value.hint
    assert rig.do("sync", "call", "scope") == ["crm"]


@pytest.mark.parametrize(
    ("code", "status", "hint"),
    [
        ("wrong_client", 200, "oauth_server"),
        ("invalid_client", 400, "secret (Password) is wrong"),
        ("PAYMENT_REQUIRED", 401, "subscription"),
        ("NOT_INSTALLED", 401, "Install"),
        ("insufficient_scope", 401, "permission 'crm'"),
    ],
)
def test_a_refusal_has_a_hint_of_its_own_and_uses_nothing_up(rig, code, status, hint):
    rig.expire()
    rig.server.faults.script(
        [{"kind": "error", "status": status, "code": code, "description": CLIENT_SECRET, "method": "oauth.token"}]
    )
    with pytest.raises(Bitrix24Error) as caught:
        rig.do("sync", "call", "scope")
    assert hint in caught.value.hint
    assert CLIENT_SECRET not in str(caught.value)
    assert rig.store.kept.claim is None
    assert rig.do("sync", "call", "scope") == ["crm"]


def test_a_redirect_of_the_authorization_server_is_not_followed(rig):
    rig.expire()
    rig.server.faults.script([{"kind": "redirect", "location": "https://evil.example/", "method": "oauth.token"}])
    with pytest.raises(ProtocolError, match="not followed"):
        rig.do("sync", "call", "scope")
    assert rig.refreshes == 0


def test_an_application_that_nobody_has_authorized_says_so(tmp_path):
    with token_rig(tmp_path) as rig, pytest.raises(AuthenticationError) as caught:
        rig.do("sync", "call", "scope")
    assert "no tokens yet" in str(caught.value)
    assert "HTTP" not in str(caught.value), "nothing was sent"


def test_tokens_that_vanish_during_a_refresh_end_it(rig):
    rig.expire()
    rig.store.kept = dataclasses.replace(rig.store.kept, claim=None)
    update = rig.store.update

    def vanish(change):
        rig.store.kept = Kept()
        rig.store.update = update
        return rig.store.kept

    rig.store.update = vanish
    with pytest.raises(AuthenticationError, match="were replaced while they were refreshed"):
        rig.do("sync", "call", "scope")


def test_a_store_that_forgets_between_two_calls_says_that_nobody_has_authorized(rig):
    with rig.client() as client:
        assert client.call("scope") == ["crm"]
        rig.expire()
        rig.store.kept = Kept()
        with pytest.raises(AuthenticationError, match="no tokens yet"):
            client.call("scope")


@pytest.mark.parametrize("kind", KINDS)
def test_an_authorization_server_that_cannot_be_reached_is_not_taken_for_the_portal(rig, kind):
    """A firewall may let only the portal through."""
    rig.expire()
    with refusing_port() as port, pytest.raises(ConnectFailed) as caught:
        call_with(rig, kind, oauth_server=f"http://127.0.0.1:{port}")
    assert "oauth.token: no connection to the authorization server (" in str(caught.value)
    assert "Let this machine reach it over https" in caught.value.hint
    assert "portal" not in str(caught.value)
    assert rig.do(kind, "call", "scope") == ["crm"]
    assert rig.refreshes == 1


@pytest.mark.parametrize("kind", KINDS)
def test_an_authorization_server_whose_certificate_is_not_trusted_is_named(rig, kind):
    rig.expire()
    with SimulatorServer(tls=True) as server, pytest.raises(ConnectFailed) as caught:
        call_with(rig, kind, oauth_server=server.url)
    assert "oauth.token: the authorization server's certificate is not trusted (" in str(caught.value)


def call_with(rig, kind, **options):
    if kind == "sync":
        with rig.client(**options) as client:
            return client.call("scope")

    async def run():
        async with rig.async_client(**options) as client:
            return await client.call("scope")

    return asyncio.run(run())
