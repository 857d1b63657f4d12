from __future__ import annotations

from airflow_provider_bitrix24.simulator.portal.tokens import (
    ACCESS_SECONDS,
    CODE_SECONDS,
    REFRESH_SECONDS,
    TokenStore,
)

SCOPES = frozenset({"crm"})


def test_each_grant_is_a_pair_of_its_own():
    store = TokenStore()
    first, second = (store.issue("local.1", 1, SCOPES, 0.0) for _ in range(2))
    assert len({first.access_token, first.refresh_token, second.access_token, second.refresh_token}) == 4
    assert store.find(first.access_token) is first
    assert (first.expires, first.refresh_expires) == (ACCESS_SECONDS, REFRESH_SECONDS["strict"])


def test_a_refresh_token_works_once_and_ends_its_pair():
    store = TokenStore()
    old = store.issue("local.1", 1, SCOPES, 0.0)
    new = store.rotate(old.refresh_token, "local.1", 10.0)
    assert (new.user_id, new.scopes, new.expires) == (1, SCOPES, 10.0 + ACCESS_SECONDS)
    assert store.find(old.access_token) is None
    assert store.rotate(old.refresh_token, "local.1", 10.0) is None
    assert store.refreshes == 1


def test_a_refresh_token_of_another_application_or_too_old_is_refused():
    store = TokenStore()
    grant = store.issue("local.1", 1, SCOPES, 0.0)
    assert store.rotate(grant.refresh_token, "local.2", 0.0) is None
    assert store.rotate(grant.refresh_token, "local.1", REFRESH_SECONDS["strict"]) is None
    assert (store.refreshes, store.refused_refreshes) == (0, 2)


def test_tokens_are_issued_as_long_as_the_clock_runs():
    grant = TokenStore().issue("local.1", 1, SCOPES, 30_000_000_000.0)
    assert grant.access_token[:8] == grant.refresh_token[:8] == "ffffffff"


def test_a_token_begins_with_the_moment_at_which_it_expires():
    grant = TokenStore().issue("local.1", 1, SCOPES, 1_700_000_000.0)
    moments = [
        int.from_bytes(bytes.fromhex(token[:8]), "little") for token in (grant.access_token, grant.refresh_token)
    ]
    assert moments == [1_700_000_000 + ACCESS_SECONDS, 1_700_000_000 + REFRESH_SECONDS["strict"]]


def test_a_lenient_portal_remembers_the_old_access_token_and_keeps_refresh_tokens_for_longer():
    store = TokenStore()
    old = store.issue("local.1", 1, SCOPES, 0.0, "lenient")
    new = store.rotate(old.refresh_token, "local.1", REFRESH_SECONDS["strict"] + 1, "lenient")
    assert new.refresh_expires - REFRESH_SECONDS["strict"] - 1 == REFRESH_SECONDS["lenient"]
    assert store.find(old.access_token) is old
    assert store.rotate(old.refresh_token, "local.1", 10.0, "lenient") is None


def test_an_authorization_code_works_once_for_its_application_and_for_30_seconds():
    store = TokenStore()
    codes = [store.make_code("local.1", 1, 0.0).code for _ in range(3)]
    assert store.take_code(codes[0], "local.1", CODE_SECONDS - 1).user_id == 1
    assert store.take_code(codes[0], "local.1", 0.0) is None
    assert store.take_code(codes[1], "local.2", 0.0) is None
    assert store.take_code(codes[2], "local.1", CODE_SECONDS) is None
