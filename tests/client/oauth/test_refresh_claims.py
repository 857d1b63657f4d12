"""Who refreshes where several would: claims, the machine's lock, and races that were lost."""

from __future__ import annotations

import dataclasses

import pytest

from airflow_provider_bitrix24.client.flows.effects import Consult
from airflow_provider_bitrix24.client.oauth.process import MachineLock, process_tokens
from airflow_provider_bitrix24.client.oauth.refresh import Refresh, this_host
from airflow_provider_bitrix24.client.oauth.token_store import Claim


def test_nobody_writes_an_old_pair_over_a_new_one(plain_rig):
    """B reads; A refreshes and stores; B writes its claim."""
    rig = plain_rig
    rig.expire()
    rig.store.between = rig.authorize
    assert rig.do("sync", "call", "scope") == ["crm"]
    assert rig.refreshes == 0
    assert rig.store.written == ["claim"]


def test_a_claim_that_another_host_overwrites_gives_way(plain_rig):
    rig = plain_rig
    rig.expire()

    other = Claim(host="other", pid=7, at=rig.server.clock.now(), pair=rig.store.kept.pair.fingerprint)
    slept = []
    advance = rig.server.clock.advance

    def sleep(seconds):
        advance(seconds)
        slept.append(seconds)
        if len(slept) == 1:
            rig.store.kept = dataclasses.replace(rig.store.kept, claim=other)
        if len(slept) == 4:
            rig.authorize()

    rig.clock = dataclasses.replace(rig.clock, sleep=sleep)
    assert rig.do("sync", "call", "scope") == ["crm"]
    assert rig.refreshes == 0
    assert "Process 7 of host other is refreshing the application's tokens; waiting for it." in rig.logged


def test_the_claim_of_another_host_is_waited_for_and_overruled_after_a_minute(rig):
    rig.expire()
    now = rig.server.clock.now()
    claim = Claim(host="other", pid=7, at=now, pair=rig.store.kept.pair.fingerprint)
    rig.store.kept = dataclasses.replace(rig.store.kept, claim=claim)
    assert rig.do("sync", "call", "scope") == ["crm"]
    assert 60 <= rig.server.clock.now() - now < 65
    assert rig.refreshes == 1


@pytest.mark.parametrize(
    "claim",
    [
        {"host": this_host()},
        {"at": -700.0},
        {"pair": "another pair"},
    ],
)
def test_a_claim_that_nobody_stands_behind_is_overruled_at_once(rig, claim):
    rig.expire()
    now = rig.server.clock.now()
    values = {"host": "other", "pid": 7, "at": 0.0, "pair": rig.store.kept.pair.fingerprint} | claim
    rig.store.kept = dataclasses.replace(rig.store.kept, claim=Claim(**values | {"at": now + values["at"]}))
    assert rig.do("sync", "call", "scope") == ["crm"]
    assert rig.server.clock.now() == now


def test_a_lost_race_is_won_by_reading_what_the_winner_has_stored(rig):
    rig.expire()
    old = rig.store.kept.pair
    rig.portal.tokens.rotate(old.refresh_token, "local.app1", rig.server.clock.now())  # somebody else was faster
    advance = rig.server.clock.advance
    waited = []

    def sleep(seconds):
        advance(seconds)
        waited.append(seconds)
        if sum(waited) >= 20:
            rig.authorize()

    rig.clock = dataclasses.replace(rig.clock, sleep=sleep)
    assert rig.do("sync", "call", "scope") == ["crm"]
    assert (rig.refreshes, rig.portal.tokens.refused_refreshes) == (1, 1)


def test_a_lock_that_cannot_be_used_or_is_held_for_long_is_done_without(rig, tmp_path, monkeypatch):
    rig.expire()
    monkeypatch.setattr(MachineLock, "acquire", lambda _: False)
    assert rig.do("sync", "call", "scope") == ["crm"]
    assert any("continuing without it" in line for line in rig.logged)
    monkeypatch.undo()
    rig.expire()
    file = tmp_path / "file"
    file.touch()
    rig.settings = dataclasses.replace(rig.settings, shared_store_directory=str(file))
    assert rig.do("sync", "call", "scope") == ["crm"]
    assert any("refresh tokens without a lock" in line for line in rig.logged)


def test_a_refresh_that_is_cancelled_while_a_thread_takes_the_machines_lock_does_not_keep_it(rig, tmp_path):
    """An event loop cannot stop the thread that it has asked."""
    refresh = Refresh(
        application=rig.application_portal(),
        tokens=process_tokens(rig.store.identity),
        clock=rig.clock,
        failed=rig.store.kept.pair,
        directory=tmp_path,
    )
    flow = refresh.run()
    asked = next(flow)
    flow.close()

    assert isinstance(asked, Consult)
    asked.function()
    other = MachineLock(rig.store.identity, tmp_path)
    assert other.acquire() is True
    other.release()
