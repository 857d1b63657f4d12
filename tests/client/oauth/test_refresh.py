"""How a refresh happens: who refreshes, what is written when, and what becomes of a lost race or a lost answer."""

from __future__ import annotations

import dataclasses

import pytest

from airflow_provider_bitrix24.client.errors import (
    AuthenticationError,
    Bitrix24Error,
    ConfigurationError,
    OutcomeUnknown,
    ProtocolError,
)
from airflow_provider_bitrix24.client.oauth.consulting import TRIES
from airflow_provider_bitrix24.client.oauth.refresh import this_host
from airflow_provider_bitrix24.client.oauth.token_store import Claim, Kept
from tests.support.drivers import KINDS
from tests.support.token_rig import CLIENT_SECRET, token_rig


@pytest.fixture
def rig(tmp_path):
    with token_rig(tmp_path) as rig:
        rig.authorize()
        yield rig


@pytest.fixture
def plain_rig(tmp_path):
    """A rig whose store is not atomic, as Airflow's Variables are not."""
    with token_rig(tmp_path, atomic=False) as rig:
        rig.authorize()
        yield rig


def fail_next(rig, **fault):
    rig.server.faults.script([*[fault | {"method": "oauth.token"}] * fault.pop("times", 1)])


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


def test_an_authorization_server_that_cannot_be_reached_by_the_portal_is_asked_again(rig):
    rig.expire()
    rig.server.faults.script(
        [{"kind": "error", "status": 401, "code": "CONNECTION_ERROR", "description": "x", "method": "oauth.token"}] * 2
    )
    assert rig.do("sync", "call", "scope") == ["crm"]


def test_a_redirect_of_the_authorization_server_is_not_followed(rig):
    rig.expire()
    rig.server.faults.script([{"kind": "redirect", "location": "https://evil.example/", "method": "oauth.token"}])
    with pytest.raises(ProtocolError, match="not followed"):
        rig.do("sync", "call", "scope")
    assert rig.refreshes == 0


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


def test_an_application_that_nobody_has_authorized_says_so(tmp_path):
    with token_rig(tmp_path) as rig, pytest.raises(AuthenticationError) as caught:
        rig.do("sync", "call", "scope")
    assert "no tokens yet" in str(caught.value)
    assert "HTTP" not in str(caught.value), "nothing was sent"


def test_a_portal_that_has_moved_is_called_where_it_is_now(rig, monkeypatch):
    from airflow_provider_bitrix24.client.oauth.application import ApplicationPortal

    moved = rig.server.url.replace("127.0.0.1", "localhost")
    monkeypatch.setattr(ApplicationPortal, "base_url_of", lambda *_: moved)
    assert rig.do("sync", "call", "scope") == ["crm"]
    assert f"The portal has moved to {moved}. Change Host in the connection, then authorize it again." in rig.logged


def test_a_lock_that_cannot_be_used_or_is_held_for_long_is_done_without(rig, tmp_path, monkeypatch):
    from airflow_provider_bitrix24.client.oauth.process import MachineLock

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


def test_one_process_of_a_machine_has_the_lock_at_a_time(tmp_path):
    from airflow_provider_bitrix24.client.oauth.process import MachineLock

    one, other = (MachineLock("tokens", tmp_path) for _ in range(2))
    assert one.acquire()
    assert not other.acquire()
    one.release()
    one.release()
    assert other.acquire()
    other.release()


def test_a_forked_process_does_not_inherit_a_refresh_that_is_under_way():
    import os

    from airflow_provider_bitrix24.client.oauth.process import process_tokens

    tokens = process_tokens("fork")
    with tokens.refreshing:
        child = os.fork()
        if child == 0:
            os._exit(0 if tokens.refreshing.acquire(blocking=False) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


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


def test_errors_of_the_portal_advise_the_owner_of_the_application(rig):
    cases = {
        ("expired_token", 401, ""): "Authorize the application again.",
        ("user_access_error", 401, ""): "may not use it",
        ("ACCESS_DENIED", 401, "REST is available only on commercial plans."): "plan",
        ("ACCESS_DENIED", 403, "Access denied! Admin permissions required"): "administrator",
        ("ACCESS_DENIED", 401, "Current user can't be authorized in this context"): "log in to the portal once",
        ("QUERY_LIMIT_EXCEEDED", 503, ""): "Another program",
    }
    from airflow_provider_bitrix24.client.oauth.hints import advise
    from airflow_provider_bitrix24.client.protocol.error_codes import error_from

    for (code, status, description), hint in cases.items():
        error = error_from("scope", {"error": code, "error_description": description}, status)
        advise(error, "Authorize the application again.")
        assert hint in error.hint, code
    advise(ConfigurationError("x", hint="as it was"), "y")


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
