from __future__ import annotations

import dataclasses

import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.oauth.pair import Pair
from airflow_provider_bitrix24.client.oauth.shared_token_store import SharedTokenStore
from airflow_provider_bitrix24.client.oauth.token_store import Claim, Kept
from airflow_provider_bitrix24.client.stores.process import ProcessStore

PAIR = Pair(access_token="acc3ss" * 5, refresh_token="r3fresh" * 5, expires=10.0, lifetime=5.0, stored_at=5.0)
CLAIM = Claim(host="worker-1", pid=7, at=5.0, pair=PAIR.fingerprint)


@pytest.fixture
def shared():
    return ProcessStore()


def test_pair_and_claim_change_in_one_step_and_the_pair_is_encrypted(shared):
    store = SharedTokenStore(shared, key="k", secret="appl1cat10n")
    assert store.load() == Kept()
    assert store.update(lambda kept: dataclasses.replace(kept, pair=PAIR, claim=CLAIM)) == Kept(pair=PAIR, claim=CLAIM)
    assert SharedTokenStore(shared, key="k", secret="appl1cat10n").load() == Kept(pair=PAIR, claim=CLAIM)
    [text] = shared._kept.values()
    assert "acc3ss" not in text
    assert "r3fresh" not in text
    assert "appl1cat10n" not in text + "".join(shared._kept)


def test_another_application_secret_cannot_read_it(shared):
    SharedTokenStore(shared, key="k", secret="appl1cat10n").update(lambda _: Kept(pair=PAIR))
    with pytest.raises(ConfigurationError, match="another application secret"):
        SharedTokenStore(shared, key="k", secret="changed").load()


def test_another_key_is_another_pair(shared):
    SharedTokenStore(shared, key="k", secret="s").update(lambda _: Kept(pair=PAIR))
    assert SharedTokenStore(shared, key="l", secret="s").load() == Kept()


NOBODYS = {"host": "h", "pid": 1, "at": 1e9, "pair": "p"}
CLAIMS = [
    {"claim": NOBODYS | odd}
    for odd in (
        {"at": 1e300},
        {"at": -1e300},
        {"at": 253402300800},
        {"at": -1},
        {"at": "1e15"},
        {"host": "a\nb"},
        {"host": "x" * 256},
        {"pid": 1e300},
    )
]
"""No message can show when or where that was."""


@pytest.mark.parametrize("value", [None, 5, [], "x", {"pair": 5}, {"claim": {"host": "x"}}, *CLAIMS])
def test_what_somebody_else_has_written_counts_as_nothing(shared, value):
    store = SharedTokenStore(shared, key="k", secret="s")
    shared.update("bitrix24 tokens k", lambda _value, _now: (value, None))
    assert store.load() == Kept()
