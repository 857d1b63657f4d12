"""How a refresh happens: who refreshes, what is written when, and what becomes of a lost race or a lost answer."""

from __future__ import annotations

import dataclasses

import pytest

from airflow_provider_bitrix24.client.errors import (
    AuthenticationError,
    ConfigurationError,
)
from airflow_provider_bitrix24.client.oauth.changes import Storing, replacement
from airflow_provider_bitrix24.client.oauth.consulting import TRIES
from airflow_provider_bitrix24.client.oauth.token_store import Kept
from tests.support.drivers import KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_a_valid_token_is_used_as_it_is_and_goes_into_the_body(rig, kind):
    assert rig.do(kind, "call", "scope") == ["crm"]
    assert rig.refreshes == 0
    [request] = rig.server.requests
    assert (request.path, request.params) == ("/rest/scope", {"auth": "***"})


@pytest.mark.parametrize("kind", KINDS)
def test_an_expired_token_is_refreshed_once_stored_and_only_then_used(rig, kind):
    old = rig.store.kept.pair
    rig.expire()
    assert rig.do(kind, "call", "scope") == ["crm"]
    assert rig.refreshes == 1
    new = rig.store.kept.pair
    assert new.refresh_token != old.refresh_token
    assert {new.access_token, new.refresh_token} <= rig.masked
    assert rig.store.written == ["claim", "pair"]
    assert [each.status for each in rig.server.requests] == [401, 200]
    assert rig.do(kind, "call", "scope") == ["crm"]
    assert rig.refreshes == 1


def test_a_pair_whose_own_time_is_long_over_is_refreshed_before_the_call(rig):
    rig.server.clock.advance(3600 + 121)
    assert rig.do("sync", "call", "scope") == ["crm"]
    assert [each.status for each in rig.server.requests] == [200]


def test_a_pair_that_somebody_else_has_stored_is_taken_without_a_refresh(rig):
    with rig.client() as client:
        assert client.call("scope") == ["crm"]
        rig.expire()
        rig.authorize()
        assert client.call("scope") == ["crm"]
    assert rig.refreshes == 0


def test_a_token_that_the_portal_does_not_know_is_refreshed_after_the_store_was_read_again(rig):
    rig.server.faults.script(["invalid_token"])
    assert rig.do("sync", "call", "scope") == ["crm"]
    assert rig.refreshes == 1


def test_a_token_that_is_refused_at_once_is_not_refreshed_twice(rig):
    rig.server.faults.script(["expired_token"] * 5)
    with pytest.raises(AuthenticationError) as caught:
        rig.do("sync", "call", "scope")
    assert rig.refreshes == 1
    assert "refreshed a moment ago" in caught.value.hint


def test_a_new_authorization_is_noticed_although_the_last_token_was_never_accepted(rig):
    """As by a triggerer, which lives long: only its next refresh would have looked into the store again."""
    rig.server.faults.script(["expired_token"] * 5)
    with pytest.raises(AuthenticationError):
        rig.do("sync", "call", "scope")
    new = rig.authorize()
    rig.server.faults.script(["invalid_token"])

    assert rig.do("sync", "call", "scope") == ["crm"]
    assert rig.refreshes == 1
    assert rig.store.kept.pair == new


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "fault",
    ["cut", "reset", "cut_body", "truncated", {"kind": "html", "status": 502}, {"kind": "empty", "status": 500}],
)
def test_an_answer_that_is_lost_before_the_server_acted_costs_nothing(rig, kind, fault):
    rig.expire()
    fault = fault if isinstance(fault, dict) else {"kind": fault}
    rig.server.faults.script([fault | {"method": "oauth.token"}])
    assert rig.do(kind, "call", "scope") == ["crm"]
    assert rig.refreshes == 1


def test_an_authorization_server_that_cannot_be_reached_by_the_portal_is_asked_again(rig):
    rig.expire()
    rig.server.faults.script(
        [{"kind": "error", "status": 401, "code": "CONNECTION_ERROR", "description": "x", "method": "oauth.token"}] * 2
    )
    assert rig.do("sync", "call", "scope") == ["crm"]


def test_a_store_that_does_not_show_what_is_written_is_noticed_before_the_refresh(plain_rig):
    rig = plain_rig
    rig.expire()
    rig.store.shadow = Kept(pair=rig.store.kept.pair)
    with pytest.raises(ConfigurationError, match="cannot be read back"):
        rig.do("sync", "call", "scope")
    assert rig.refreshes == 0


def test_a_new_pair_is_stored_again_when_the_store_fails_for_a_moment(rig):
    rig.expire()
    claimed = rig.store.update

    def update(change):
        kept = claimed(change)
        rig.store.update = claimed
        rig.store.failures = [OSError("database is away"), OSError("database is away")]
        return kept

    rig.store.update = update
    assert rig.do("sync", "call", "scope") == ["crm"]
    assert rig.store.kept.pair.access_token in rig.masked
    assert rig.refreshes == 1


def test_a_new_pair_that_cannot_be_stored_is_kept_by_the_process_and_stored_by_its_next_call(rig):
    rig.expire()
    claimed = rig.store.update

    def update(change):
        kept = claimed(change)
        rig.store.update = claimed
        rig.store.failures = [OSError("database is away")] * TRIES
        return kept

    rig.store.update = update
    with pytest.raises(OSError, match="away"):
        rig.do("sync", "call", "scope")
    assert any("could not be stored" in line for line in rig.logged)
    assert rig.do("sync", "call", "scope") == ["crm"]
    assert rig.refreshes == 1


def test_a_pair_of_another_portal_is_never_stored(rig):
    rig.expire()
    rig.store.kept = dataclasses.replace(
        rig.store.kept, pair=dataclasses.replace(rig.store.kept.pair, member_id="another")
    )
    with pytest.raises(AuthenticationError, match="another portal"):
        rig.do("sync", "call", "scope")
    assert rig.store.written == ["claim"]


def test_a_portal_that_has_moved_is_called_where_it_is_now(rig, monkeypatch):
    from airflow_provider_bitrix24.client.oauth.application import ApplicationPortal

    moved = rig.server.url.replace("127.0.0.1", "localhost")
    monkeypatch.setattr(ApplicationPortal, "base_url_of", lambda *_: moved)
    assert rig.do("sync", "call", "scope") == ["crm"]
    assert f"The portal has moved to {moved}. Change Host in the connection, then authorize it again." in rig.logged


def test_a_store_that_cannot_be_used_for_a_moment_is_asked_again(rig):
    from airflow_provider_bitrix24.client.errors import SharedStoreError

    load, failures = rig.store.load, [SharedStoreError("no answer within 1 s")] * (TRIES - 1)

    def sometimes():
        if failures:
            raise failures.pop()
        return load()

    rig.store.load = sometimes
    assert rig.do("sync", "call", "scope") == ["crm"]
    failures[:] = [SharedStoreError("no answer within 1 s")] * TRIES
    rig.new_process()
    with pytest.raises(SharedStoreError):
        rig.do("sync", "call", "scope")
    failures[:] = [ConfigurationError("another application secret")]
    rig.new_process()
    with pytest.raises(ConfigurationError):
        rig.do("sync", "call", "scope")
    assert failures == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_pair_that_claims_to_last_longer_than_its_replacement_is_replaced_once_for_all(rig, kind):
    """The server's clock was put back, or its first answer was wrong."""
    pair = dataclasses.replace(rig.store.kept.pair, expires=rig.store.kept.pair.expires + 100 * 86400)
    rig.store.kept = Kept(pair=pair)
    with rig.client() as earlier:
        assert earlier.call("scope") == ["crm"]
        rig.new_process()
        rig.expire()
        assert rig.do(kind, "call", "scope") == ["crm"]
        assert rig.store.kept.pair.expires < pair.expires
        assert earlier.call("scope") == ["crm"], "this process still has the first pair"
    assert rig.refreshes == 1


def test_a_pair_that_a_slow_store_still_shows_replaces_no_newer_one(rig):
    first = rig.store.kept.pair
    rig.expire()
    assert rig.do("sync", "call", "scope") == ["crm"]
    second = rig.store.kept.pair
    assert replacement(Kept(pair=first), second, now=second.stored_at) is None
    assert Storing(first, replaces="another")(Kept(pair=second)) == Kept(pair=second)
    assert Storing(first, replaces=second.fingerprint)(Kept(pair=second)) == Kept(pair=first)
