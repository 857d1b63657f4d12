from __future__ import annotations

import dataclasses
import json

import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.oauth.pair import IDLE_LIFETIME, LIFETIME, Pair, pair_from_install

NOW = 1_800_000_000.0
GRANT = {
    "access_token": "acc3ss" * 5,
    "refresh_token": "r3fresh" * 5,
    "expires": NOW + 1800,
    "expires_in": 1800,
    "scope": "crm,user",
    "member_id": "m",
    "user_id": "17",
    "client_endpoint": "https://example.bitrix24.com/rest/",
    "server_endpoint": "https://oauth.bitrix.info/rest/",
    "domain": "oauth.bitrix.info",
}


def test_an_answer_becomes_a_pair_and_a_record_and_a_pair_again():
    pair = Pair.from_grant(GRANT, NOW)
    assert (pair.expires, pair.lifetime, pair.stored_at) == (NOW + 1800, 1800.0, NOW)
    assert (pair.user_id, pair.scopes, pair.member_id) == (17, ("crm", "user"), "m")
    assert Pair.from_record(json.loads(json.dumps(pair.as_record()))) == pair


def test_neither_token_shows_itself():
    pair = Pair.from_grant(GRANT, NOW)
    assert "acc3ss" not in repr(pair)
    assert "r3fresh" not in repr(pair)
    assert pair.redact(f"a {pair.access_token} b {pair.refresh_token} c") == "a *** b *** c"


def test_what_an_answer_leaves_out_is_taken_from_the_pair_before():
    before = Pair.from_grant(GRANT, NOW)
    sample = {"access_token": "new" * 9, "refresh_token": "newer" * 9}
    pair = Pair.from_grant(sample, NOW + 5, before)
    assert (pair.expires, pair.lifetime) == (NOW + 5 + LIFETIME, LIFETIME)
    assert (pair.member_id, pair.user_id, pair.scopes) == (before.member_id, before.user_id, before.scopes)
    assert pair.server_endpoint == before.server_endpoint
    alone = Pair.from_grant(sample, NOW)
    assert (alone.member_id, alone.user_id, alone.scopes, alone.client_endpoint) == ("", None, (), "")


@pytest.mark.parametrize(
    "odd",
    [
        {"expires": "soon"},
        {"expires": 5},
        {"expires_in": -1},
        {"expires_in": [3600]},
        {"scope": 7},
        {"scope": ["crm", None, {}]},
        {"user_id": {}},
        {"member_id": ["x"]},
        {"client_endpoint": 1.5},
    ],
)
def test_an_odd_value_costs_nothing_but_itself(odd):
    pair = Pair.from_grant(GRANT | odd, NOW)
    assert NOW < pair.expires <= NOW + 3600
    assert pair.lifetime > 0


@pytest.mark.parametrize(
    "odd", [{"access_token": ""}, {"refresh_token": None}, {"access_token": 5}, {"refresh_token": "a\n"}]
)
def test_without_both_tokens_there_is_no_pair(odd):
    assert Pair.from_grant(GRANT | odd, NOW) is None


@pytest.mark.parametrize(
    "record", [None, [], "x", {}, {"form": 2}, {"form": 1}, {"form": 1, "expires": 1, "lifetime": 1, "stored_at": "x"}]
)
def test_what_is_not_a_record_is_none(record):
    assert Pair.from_record(record) is None


def test_a_refresh_token_says_when_it_ends():
    until = int(NOW) + 30 * 86400
    dated = until.to_bytes(4, "little").hex() + "ab" * 31
    pair = Pair.from_grant(GRANT | {"refresh_token": dated}, NOW)
    assert pair.lasts_until == until
    assert Pair.from_grant(GRANT, NOW).lasts_until == NOW + IDLE_LIFETIME
    past = int(NOW - 5).to_bytes(4, "little").hex() + "ab" * 31
    assert Pair.from_grant(GRANT | {"refresh_token": past}, NOW).lasts_until == NOW + IDLE_LIFETIME


def test_a_pair_has_expired_only_if_both_clocks_say_so_for_certain():
    pair = Pair.from_grant(GRANT, NOW)
    assert not pair.has_expired(NOW + 1800 + 119)
    assert pair.has_expired(NOW + 1800 + 121)
    assert not dataclasses.replace(pair, expires=NOW + 9000).has_expired(NOW + 1800 + 121)
    assert not dataclasses.replace(pair, stored_at=NOW + 9000).has_expired(NOW + 1800 + 121)


@pytest.mark.parametrize(
    "pasted",
    [
        json.dumps(GRANT),
        json.dumps({"event": "ONAPPINSTALL", "auth": GRANT}),
        "event=ONAPPINSTALL&" + "&".join(f"auth[{name}]={value}" for name, value in GRANT.items()),
        "\n".join(f"auth%5B{name}%5D={value}" for name, value in GRANT.items()),
        f"AUTH_ID={GRANT['access_token']}&REFRESH_ID={GRANT['refresh_token']}&AUTH_EXPIRES=1800&member_id=m",
    ],
)
def test_what_an_installation_brings_is_read_in_every_form(pasted):
    pair = pair_from_install(pasted, NOW)
    assert (pair.access_token, pair.refresh_token) == (GRANT["access_token"], GRANT["refresh_token"])
    assert (pair.lifetime, pair.member_id) == (1800.0, "m")


@pytest.mark.parametrize(
    "pasted", ["", "[]", "s3cr3t", "[" * 100_000, "auth[access_token]=s3cr3t", '{"auth": "s3cr3t"}']
)
def test_what_an_installation_does_not_bring_is_refused_and_not_repeated(pasted):
    with pytest.raises(ConfigurationError) as caught:
        pair_from_install(pasted, NOW)
    assert "s3cr3t" not in str(caught.value)
