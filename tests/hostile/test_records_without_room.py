"""Records that grow when they are written again, or leave no room for more: no request fails because of them."""

from __future__ import annotations

import json

import pytest

from airflow_provider_bitrix24.client.limits.bucket import LeakyBucket
from airflow_provider_bitrix24.client.limits.operating import Figure, Knowledge
from airflow_provider_bitrix24.client.limits.working_time import HOLDS, Hold, WorkingTimeClaim, WorkingTimeState
from airflow_provider_bitrix24.client.oauth.changes import Claiming, Storing
from airflow_provider_bitrix24.client.oauth.pair import Pair
from airflow_provider_bitrix24.client.oauth.shared_token_store import SharedTokenStore
from airflow_provider_bitrix24.client.oauth.token_store import Claim, Kept
from airflow_provider_bitrix24.client.stores.fallback import FallbackStore
from airflow_provider_bitrix24.client.stores.pacer import Pacer
from airflow_provider_bitrix24.client.stores.process import ProcessStore
from airflow_provider_bitrix24.client.stores.record import MAX_SIZE, apply
from airflow_provider_bitrix24.client.stores.working_time import dump_working_time
from tests.support.clock import VirtualClock

NOW = 5000.0
ROOM = MAX_SIZE - 60
LONG, WIDE = "x" * (ROOM - 100), "\u0451"
FIGURE = {"used": 5, "at": 4999, "reset_at": 5100, "banned_until": 0}


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


UNWRITABLE = {
    "a number beyond all floats": '{"pair":1e999}',
    "letters that become escapes": compact(WIDE * (ROOM // 2)),
    "letters of four bytes": compact({"pair": "gAAAA" + "\U0001f600" * (ROOM // 4 - 10)}),
    "numbers that become longer": "[1e9" + ",1e9" * 8_000 + "]",
    "NaN": '{"claim":{"at":NaN}}',
}
FULL = {
    "an account with a long name": compact({"figures": {LONG: FIGURE}}),
    "an account with a name of wide letters": compact({"figures": {WIDE * 5_400: FIGURE}}),
    "a process with a long name": compact({"held": {LONG: [5100, {"m": 5}]}}),
    "a process that holds an account with a long name": compact({"held": {"h": [5100, {LONG: 5}]}}),
    "many accounts": compact({"figures": {f"{each:0290}": FIGURE for each in range(80)}}),
    "many processes": compact({"held": {each: [5100, {"m": 1}] for each in range(1_300)}}),
}
PAIR = Pair(access_token="a" * 70, refresh_token="b" * 70, expires=1e9, lifetime=3600.0, stored_at=1e9)


def record(value):
    text = f'{{"form":1,"at":4999,"ahead":0,"value":{value}}}'
    assert len(text.encode()) <= MAX_SIZE
    return text


def holding(key, value):
    store = ProcessStore(VirtualClock(NOW))
    store._kept[key] = record(value)
    return store


@pytest.mark.parametrize("value", UNWRITABLE.values(), ids=UNWRITABLE)
def test_a_value_that_cannot_be_written_back_counts_as_empty(value):
    for kept in (record(value), record(value).encode()):
        text, seen = apply(kept, NOW, lambda found, _now: (found, found))
        assert seen is None
        assert json.loads(text)["value"] is None


@pytest.mark.parametrize("value", UNWRITABLE.values(), ids=UNWRITABLE)
def test_an_applications_tokens_can_be_stored_over_it(value):
    tokens = SharedTokenStore(holding("bitrix24 tokens t", value), key="t", secret="s3cr3t")
    assert tokens.load().pair is None
    assert tokens.update(Storing(PAIR, replaces="")).pair == PAIR
    assert tokens.load().pair == PAIR


@pytest.mark.parametrize("value", [*UNWRITABLE.values(), *FULL.values()], ids=[*UNWRITABLE, *FULL])
def test_pacing_goes_through_beside_it(value):
    for store in (holding("k working time w", value), FallbackStore(holding("k working time w", value))):
        pacer = Pacer(store=store, key="k", bucket=LeakyBucket(50, 2.0))
        known = Knowledge({f"crm.method.{each}": Figure(10.0, -1.0, 50.0) for each in range(50)}, True)
        for holder in ("a", "b"):
            granted = pacer.share_working_time("w", known, WorkingTimeClaim(holder, 5, {"own": 1.0}))
            assert granted.commands == 5
            assert granted.known.figures["crm.method.49"].used == 10.0


def test_what_many_processes_share_fits_and_the_latest_stay():
    figures = {f"{each:0250}": Figure(1.0, NOW - each, NOW) for each in range(60)}
    held = {f"{each:08x}": Hold(NOW + HOLDS - each / 9, dict.fromkeys([*figures][:9], 1 / 3)) for each in range(200)}
    kept = dump_working_time(WorkingTimeState(Knowledge(figures, True, 400.0), held), NOW)
    apply(None, NOW, lambda *_: (kept, None))
    assert [*kept["figures"]] == [*figures][: len(kept["figures"])]
    assert [*kept["held"]] == [*held][: len(kept["held"])]
    assert kept["held"]
    small = {
        f"{each:08x}": Hold(NOW + HOLDS - each / 9, {"batch": 1 / 3, "batch/crm.automation.trigger": 2 / 3})
        for each in range(200)
    }
    assert len(dump_working_time(WorkingTimeState(Knowledge(), small), NOW)["held"]) == 200


WIDEST = {
    "access_token": '"' * 2_048,
    "refresh_token": "\\" * 2_048,
    "scope": [f"{each:060}" for each in range(1_000)] + ["\U0001f600" * 9, "x" * 200, None, {}],
    "member_id": "\u0451" * 255,
    "client_endpoint": "\u0451" * 255,
    "server_endpoint": "\u0451" * 255,
    "user_id": 2**62,
}


def test_the_largest_pair_of_tokens_fits_beside_the_largest_claim():
    pair = Pair.from_grant(WIDEST, 1.8e9)
    claim = Claim(host="\u0451" * 200, pid=2**22, at=1.8e9 + 1 / 3, pair=pair.fingerprint)
    tokens = SharedTokenStore(ProcessStore(VirtualClock(NOW)), key="t", secret="s3cr3t")
    tokens.update(Storing(pair, replaces=""))
    assert tokens.update(Claiming(claim)) == tokens.load() == Kept(pair=pair, claim=claim)
    assert len(pair.scopes) == 100


@pytest.mark.parametrize("token", ["a" * 2_049, "\U0001f600" * 70, "a\nb", "", None])
def test_what_is_no_token_is_not_stored(token):
    assert Pair.from_grant({"access_token": token, "refresh_token": "b" * 70}, 1.8e9) is None
    assert Pair.from_grant({"access_token": "a" * 70, "refresh_token": token}, 1.8e9) is None
